package v1alpha1

// Names that people write on pods.
const (
	// PoolAnnotation makes a pod a member of the pool of the LeaderPolicy that it names, in the pod's namespace.
	PoolAnnotation = "zen-lead/pool"
	// JoinAnnotation set to "false" keeps a member from being elected; "true" is accepted; anything else counts
	// as "false" and is reported by an event on the pod.
	JoinAnnotation = "zen-lead/join"
	// IdentityAnnotation names a member in the Lease where the policy's identityStrategy is "custom": 1 to 253 bytes,
	// unlike those of other members.
	IdentityAnnotation = "zen-lead/identity"
)

// Names that people write on policies.
const (
	// HandoverAnnotation asks for one move of the lead, to the pod that it names. It is taken off when the move is made or
	// refused; ConditionHandover tells the outcome.
	HandoverAnnotation = "zen-lead/handover"
)

// Names that people write on locks.
const (
	// ForceReleaseAnnotation takes a ManualLock from its holder: a [ForceRelease], as its String has it. Who writes it needs the right to
	// force-release the lock. It is taken off when the lock is free, or the order cannot be obeyed; status.lastTransition and an event tell the
	// outcome.
	ForceReleaseAnnotation = "zen-lead/force-release"
)

// ForceRelease is the value of ForceReleaseAnnotation.
//
// +kubebuilder:object:generate=false
type ForceRelease struct {
	// Token is the holder's: proof that it is this holder who is meant.
	// +required
	// +kubebuilder:validation:Minimum=1
	Token int64 `json:"token,omitempty"`
	// By is the account that writes it; the API server admits no other.
	// +required
	// +kubebuilder:validation:MinLength=1
	By string `json:"by,omitempty"`
	// Reason says why, in 1 to 256 characters.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Reason string `json:"reason,omitempty"`
	// Now: do not wait until the holder must have noticed.
	// +optional
	Now bool `json:"now,omitempty"`
}

// Names that members write on objects of their own.
const (
	// FenceAnnotation is the term in which a leader wrote an object last, as package kube stamps it. An admission policy may refuse a smaller
	// one than the object has.
	FenceAnnotation = "zen-lead/fence"
)

// Names that zen-lead writes.
const (
	// PoolLabel repeats PoolAnnotation, so that members can be selected. The annotation is the truth.
	PoolLabel = "zen-lead/pool"
	// RoleLabel and RoleAnnotation say RoleLeader or RoleFollower.
	RoleLabel      = "zen-lead/role"
	RoleAnnotation = "zen-lead/role"
	// TermAnnotation is, on a member, the term in which its role was written, and on the EndpointSlices of a
	// leader Service the term of the leader that they name.
	TermAnnotation = "zen-lead/term"
	// TermBaseAnnotation on a Lease is what leaseTransitions is added to: the sum is the term.
	TermBaseAnnotation = "zen-lead/term-base"
	// HolderUIDAnnotation on a Lease is the UID of the pod that holds it.
	HolderUIDAnnotation = "zen-lead/holder-uid"
	// HolderProcessAnnotation on the Lease of a pool whose members contend is the term and the process of the pod that holds it. A
	// holder without it, or with that of another term, is a stranger's elector: those keep annotations.
	HolderProcessAnnotation = "zen-lead/holder-process"
	// SuccessorAnnotation on the Lease of a pool whose members contend is the identity of the member that is to lead next. A
	// holder that is not it gives up once its work has ended; the others let it go first.
	SuccessorAnnotation = "zen-lead/successor"
)

// AddressAnnotation on the Lease of a replica of zen-lead is where the others reach its API by gRPC, as host:port.
const AddressAnnotation = "zen-lead/address"

// Values of the role label and annotation.
const (
	RoleLeader   = "leader"
	RoleFollower = "follower"
)

// LeaderDeletionCost is the value of the annotation controller.kubernetes.io/pod-deletion-cost that a leader gets unless it has one,
// and that is taken off with the role: a ReplicaSet that scales in deletes pods of smaller cost, 0 where there is none, before it.
const LeaderDeletionCost = "1000"

// LeaderServiceSuffix is appended to a policy's name to name its leader Service, unless the policy names it.
const LeaderServiceSuffix = "-leader"
