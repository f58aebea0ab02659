package v1alpha1

// Types of the conditions of a LeaderPolicy. LeaderElected and CandidatesAvailable are always present;
// the others appear while they are true, ConditionLeaderReachable while it is not, and ConditionHandover once one was asked for.
const (
	// ConditionLeaderElected is true while the Lease names a member.
	ConditionLeaderElected = "LeaderElected"
	// ConditionCandidatesAvailable is true while at least one member may be elected.
	ConditionCandidatesAvailable = "CandidatesAvailable"
	// ConditionLeaseContended is true while somebody else holds or wants the Lease of the pool's name.
	ConditionLeaseContended = "LeaseContended"
	// ConditionIdentityConflict is true while a member is not elected because of its identity.
	ConditionIdentityConflict = "IdentityConflict"
	// ConditionServiceConflict is true while a Service that is not zen-lead's has the leader Service's name.
	ConditionServiceConflict = "ServiceConflict"
	// ConditionFieldsUnused is true while the spec says something that this controller cannot obey.
	ConditionFieldsUnused = "FieldsUnused"
	// ConditionLeaderReachable is there while the leader's node is not known to be well.
	ConditionLeaderReachable = "LeaderReachable"
	// ConditionHandover tells the outcome of the last handover that was asked for by HandoverAnnotation.
	ConditionHandover = "Handover"
)

// Reasons of ConditionLeaderElected.
const (
	// ReasonLeaderReady: the leader is a candidate.
	ReasonLeaderReady = "LeaderReady"
	// ReasonLeaderKept: the leader may not be elected now (not ready, terminating), but nobody else may either.
	ReasonLeaderKept = "LeaderKept"
	// ReasonNoCandidate: nobody leads and nobody may be elected.
	ReasonNoCandidate = "NoCandidate"
	// ReasonForeignLease: nobody leads because the Lease is not zen-lead's to write.
	ReasonForeignLease = "ForeignLease"
	// ReasonLeaseMissing: in modes observe and participant, the Lease does not exist.
	ReasonLeaseMissing = "LeaseMissing"
	// ReasonLeaseEmpty: in modes observe and participant, nobody holds the Lease.
	ReasonLeaseEmpty = "LeaseEmpty"
	// ReasonLeaseExpired: in modes observe and participant, the Lease was not renewed for its duration.
	ReasonLeaseExpired = "LeaseExpired"
	// ReasonHolderUnknown: in modes observe and participant, the Lease's holder names no member.
	ReasonHolderUnknown = "HolderUnknown"
	// ReasonHolderUnproven: in modes observe and participant, the Lease's holder may be a member or an earlier pod of its name; the next
	// renewal tells.
	ReasonHolderUnproven = "HolderUnproven"
	// ReasonHolderEnded: in modes observe and participant, the pod that the Lease's holder names has ended.
	ReasonHolderEnded = "HolderEnded"
	// ReasonPaused: spec.paused keeps the leader, or keeps a pool without one from electing.
	ReasonPaused = "Paused"
)

// Reasons of ConditionCandidatesAvailable.
const (
	// ReasonMembersReady: at least one member is ready.
	ReasonMembersReady = "MembersReady"
	// ReasonNoMembers: no pod names the policy.
	ReasonNoMembers = "NoMembers"
	// ReasonNoneReady: there are members, none of which may be elected.
	ReasonNoneReady = "NoneReady"
)

// Reasons of ConditionLeaseContended.
const (
	// ReasonForeignRecord: the Lease was made by somebody else; it is never taken over.
	ReasonForeignRecord = "ForeignRecord"
	// ReasonForeignHolder: somebody who is no member took the pool's Lease, or in mode participant a member without zen-lead's
	// library; it is taken back when it was not renewed for its duration.
	ReasonForeignHolder = "ForeignHolder"
)

// Reasons of ConditionIdentityConflict.
const (
	// ReasonSameIdentity: two members have one identity; one of them is not elected.
	ReasonSameIdentity = "SameIdentity"
	// ReasonInvalidIdentity: a member has no identity, or one that is empty or too long; it is not elected.
	ReasonInvalidIdentity = "InvalidIdentity"
)

// Reasons of ConditionServiceConflict.
const (
	// ReasonServiceNotOurs: the Service exists and was not made for this policy; it is not touched.
	ReasonServiceNotOurs = "ServiceNotOurs"
)

// Reasons of ConditionLeaderReachable.
const (
	// ReasonNodeSilent: the leader's node has stopped to renew its Lease; it may be well.
	ReasonNodeSilent = "NodeSilent"
	// ReasonNodeUnreachable: the node controller has not heard of the leader's node for its grace period.
	ReasonNodeUnreachable = "NodeUnreachable"
	// ReasonNodeGone: the leader's node is no object of the cluster any more.
	ReasonNodeGone = "NodeGone"
	// ReasonNodeOutOfService: somebody tainted the leader's node as out of service.
	ReasonNodeOutOfService = "NodeOutOfService"
)

// Reasons of ConditionHandover.
const (
	// ReasonDone: the pod leads.
	ReasonDone = "Done"
	// ReasonPending: in mode participant, the present leader was asked to give up.
	ReasonPending = "Pending"
	// ReasonRefused: the lead was not handed over; the message says why.
	ReasonRefused = "Refused"
)

// Reasons of ConditionFieldsUnused.
const (
	// ReasonNoParticipants: what only members that contend obey, or may prove dead, is set in another mode.
	ReasonNoParticipants = "NoParticipants"
	// ReasonNodesUnknown: a preference or a bound of moves speaks of nodes, which the controller may not look at.
	ReasonNodesUnknown = "NodesUnknown"
)
