package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Mode says who writes the Lease of a pool.
// +kubebuilder:validation:Enum=controller;participant;observe
type Mode string

const (
	// ModeController: zen-lead elects a leader among the members; the members need not know.
	ModeController Mode = "controller"
	// ModeParticipant: the members contend for the Lease themselves, with zen-lead's libraries. zen-lead tells them what it knows
	// (who is to lead next, who is proven dead) on the Lease, and follows it.
	ModeParticipant Mode = "participant"
	// ModeObserve: the members elect a leader among themselves, on a Lease of theirs that zen-lead never writes.
	ModeObserve Mode = "observe"
)

// IdentityStrategy says what names a member in the Lease.
// +kubebuilder:validation:Enum=pod;custom
type IdentityStrategy string

const (
	// IdentityPod: a member is named by its pod's name.
	IdentityPod IdentityStrategy = "pod"
	// IdentityCustom: a member is named by its annotation IdentityAnnotation.
	IdentityCustom IdentityStrategy = "custom"
)

// Phase is the state of a pool in one word.
// +kubebuilder:validation:Enum=Electing;Stable
type Phase string

const (
	// PhaseElecting: nobody leads.
	PhaseElecting Phase = "Electing"
	// PhaseStable: a member leads.
	PhaseStable Phase = "Stable"
)

// Guarantee says what the pool promises about an old leader.
// +kubebuilder:validation:Enum=Advisory;Exclusive
type Guarantee string

const (
	// GuaranteeAdvisory: roles, Service and streams name one leader; an old one that is cut off may still run.
	GuaranteeAdvisory Guarantee = "Advisory"
	// GuaranteeExclusive: the old leader's own clock, or proof of its death, ends its term before the next begins.
	GuaranteeExclusive Guarantee = "Exclusive"
)

// LeaderPolicy declares a pool: the pods of its namespace whose annotation zen-lead/pool names it. One of
// them leads.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=lp
// +kubebuilder:printcolumn:name=Phase,type=string,JSONPath=`.status.phase`,description="Stable while a member leads, else Electing."
// +kubebuilder:printcolumn:name=Leader,type=string,JSONPath=`.status.currentHolder.name`,description="The pod that leads."
// +kubebuilder:printcolumn:name=Candidates,type=integer,JSONPath=`.status.candidates`,description="How many members may be elected now."
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name: must start with a letter and hold only lower-case letters, digits and '-'",fieldPath=.metadata
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 56 || (self.metadata.name.size() <= 63 && has(self.spec) && has(self.spec.service) && (has(self.spec.service.name) || (has(self.spec.service.disabled) && self.spec.service.disabled)))",message="metadata.name: must be at most 56 characters, as the leader Service is named <name>-leader (63 where spec.service.name is set or spec.service.disabled is true)",fieldPath=.metadata
type LeaderPolicy struct {
	metav1.TypeMeta `json:",inline"`
	// Standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// What is wanted. Every field is optional: a policy without a spec is complete.
	// +optional
	Spec LeaderPolicySpec `json:"spec,omitempty,omitzero"`

	// What is. Written by zen-lead alone.
	// +optional
	Status LeaderPolicyStatus `json:"status,omitempty,omitzero"`
}

// LeaderPolicyList is a list of LeaderPolicies.
//
// +kubebuilder:object:root=true
type LeaderPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []LeaderPolicy `json:"items"`
}

// LeaderPolicySpec is what is wanted of a pool.
//
// +kubebuilder:validation:XValidation:rule="!has(self.leaseName) || (has(self.mode) && self.mode == 'observe')",message="spec.leaseName: only mode observe looks at a Lease of another name; in the other modes the Lease has the policy's name",fieldPath=.leaseName
// +kubebuilder:validation:XValidation:rule="!(has(self.mode) && self.mode == 'observe') || !has(self.preference)",message="spec.preference: cannot be obeyed in mode observe, where the program elects itself",fieldPath=.preference
// +kubebuilder:validation:XValidation:rule="!(has(self.mode) && self.mode == 'observe') || !has(self.failover)",message="spec.failover: cannot be obeyed in mode observe, where the program elects itself",fieldPath=.failover
// +kubebuilder:validation:XValidation:rule="!(has(self.mode) && self.mode == 'observe') || !has(self.paused) || !self.paused",message="spec.paused: cannot be obeyed in mode observe, where the program elects itself",fieldPath=.paused
// +kubebuilder:validation:XValidation:rule="!(has(self.mode) && self.mode == 'observe') || !has(self.identityStrategy) || self.identityStrategy == 'pod'",message="spec.identityStrategy: must be pod in mode observe, where the program names itself",fieldPath=.identityStrategy
// +kubebuilder:validation:XValidation:rule="!(has(self.mode) && self.mode == 'participant') || !has(self.failover) || !has(self.failover.unreachableNode)",message="spec.failover.unreachableNode: cannot be obeyed in mode participant, where a leader leads for as long as it renews the Lease",fieldPath=.failover
// +kubebuilder:validation:XValidation:rule="(has(self.leaseDurationSeconds) ? self.leaseDurationSeconds : 15) * 95 > (has(self.renewDeadlineSeconds) ? self.renewDeadlineSeconds : 10) * 100 + 50",message="spec.renewDeadlineSeconds: must be at least 0.5 less than 0.95 times leaseDurationSeconds (15 and 10 where they are not set), so that work has ended before another member may lead",fieldPath=.renewDeadlineSeconds
// +kubebuilder:validation:XValidation:rule="(has(self.retryPeriodSeconds) ? self.retryPeriodSeconds : 2) * 12 < (has(self.renewDeadlineSeconds) ? self.renewDeadlineSeconds : 10) * 10",message="spec.retryPeriodSeconds: must be less than renewDeadlineSeconds divided by 1.2 (2 and 10 where they are not set), so that a renewal can be tried again",fieldPath=.retryPeriodSeconds
type LeaderPolicySpec struct {
	// Who elects. "controller" (the default): zen-lead does, the pods need not know. "participant": the members contend for the
	// Lease themselves; set it for programs that use zen-lead's Go library. "observe": the program in the pods
	// does (client-go, any operator), on a Lease that zen-lead reads and never writes. Set it for a program that elects itself.
	// +optional
	// +default="controller"
	Mode Mode `json:"mode,omitempty"`

	// The Lease, in the policy's namespace, on which the program elects itself: what operators call the leader election id.
	// Set it, in mode observe, where that is not the policy's name. Default: the policy's name.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="spec.leaseName: must be the name of a Lease: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
	LeaseName string `json:"leaseName,omitempty"`

	// The Service that always points at the leader.
	// +optional
	Service *LeaderService `json:"service,omitempty"`

	// What names a member in the Lease. "pod" (the default): the pod's name. "custom": its annotation zen-lead/identity.
	// Set it where others read the Lease and know the members by names of their own.
	// +optional
	// +default="pod"
	IdentityStrategy IdentityStrategy `json:"identityStrategy,omitempty"`

	// Which members should lead rather than others. Default: none; the oldest leads, and goes on as long as it can.
	// +optional
	Preference *Preference `json:"preference,omitempty"`

	// Bounds of the moves that zen-lead makes by itself.
	// +optional
	Failover *Failover `json:"failover,omitempty"`

	// True while nothing should move: whoever leads stays, also when it is not ready; if its pod goes nobody leads.
	// Set it for the time of a delicate work.
	// +optional
	Paused bool `json:"paused,omitempty"`

	// How long, in seconds, a leader of mode participant is waited for that does not renew any more. Set it lower where a crash
	// must be noticed earlier, at the price of more renewals (three in that time) and of terms lost to a shorter outage of the API
	// server. Default: 15.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	LeaseDurationSeconds *int32 `json:"leaseDurationSeconds,omitempty"`

	// How long, in seconds, a leader of mode participant works after it sent the last renewal that succeeded; then its work is
	// told to end. What is left of leaseDurationSeconds, less 5 %, is the time that the work has to end: set it where it needs
	// more. Default: 10.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	RenewDeadlineSeconds *int32 `json:"renewDeadlineSeconds,omitempty"`

	// How long, in seconds, a leader of mode participant waits after a renewal that failed, and others for a successor that was
	// named. Set it with a shorter renewDeadlineSeconds. Default: 2.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	RetryPeriodSeconds *int32 `json:"retryPeriodSeconds,omitempty"`
}

// LeaderService describes the Service that always points at the leader. Without it the Service has the policy's name
// with "-leader" appended, and the container ports of the first leader.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!(has(self.disabled) && self.disabled) || (!has(self.name) && !has(self.ports))",message="spec.service.disabled: name and ports have no meaning when it is true",fieldPath=.disabled
type LeaderService struct {
	// The Service's name. Set it where the default is taken or clients expect another name.
	// Default: the policy's name with "-leader" appended.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="spec.service.name: must start with a letter and hold only lower-case letters, digits and '-'"
	Name string `json:"name,omitempty"`

	// True where nothing should be sent to the leader: no Service is made.
	// +optional
	Disabled bool `json:"disabled,omitempty"`

	// The Service's ports. Set them where the port differs from the container's, or to publish only some.
	// Default: the container ports of the first leader, each under its name or "port-NUMBER".
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.all(p, self.exists_one(q, q.port == p.port && (has(q.protocol) ? q.protocol : 'TCP') == (has(p.protocol) ? p.protocol : 'TCP')))",message="spec.service.ports: two ports have the same number and protocol"
	Ports []LeaderServicePort `json:"ports,omitempty"`
}

// LeaderServicePort is one port of a leader Service.
type LeaderServicePort struct {
	// The port's name, unique in the Service.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="spec.service.ports.name: must hold only lower-case letters, digits and '-', and start and end with a letter or digit"
	Name string `json:"name,omitempty"`

	// The port that clients use, 1 to 65535.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`

	// The leader's port: a number, or the name of one of its container ports. Default: the same as port.
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 1 && self <= 65535 : self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="spec.service.ports.targetPort: must be a number between 1 and 65535 or the name of a container port"
	TargetPort *intstr.IntOrString `json:"targetPort,omitempty"`

	// TCP (the default), UDP or SCTP.
	// +optional
	// +kubebuilder:validation:Enum=TCP;UDP;SCTP
	// +default="TCP"
	Protocol string `json:"protocol,omitempty"`
}

// LeaderPolicyStatus is what zen-lead knows of a pool.
type LeaderPolicyStatus struct {
	// Stable while a member leads, else Electing.
	// +optional
	Phase Phase `json:"phase,omitempty"`

	// The member that leads.
	// +optional
	CurrentHolder *Holder `json:"currentHolder,omitempty"`

	// How many members may be elected now.
	// +optional
	Candidates *int32 `json:"candidates,omitempty"`

	// The term: strictly grows with every change of leader. Large, with gaps: only compare.
	// +optional
	Term int64 `json:"term,omitempty"`

	// What the pool promises. Advisory: one leader is named; an old one that is cut off may still run. Exclusive: the old leader's own
	// clock, or proof of its death, ends its term before the next begins.
	// +optional
	Guarantee Guarantee `json:"guarantee,omitempty"`

	// When the leader last changed.
	// +optional
	LastTransitionTime *metav1.MicroTime `json:"lastTransitionTime,omitempty"`

	// The generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// LeaderElected and CandidatesAvailable always; LeaseContended, IdentityConflict and ServiceConflict while they are true;
	// LeaderReachable while it is not; Handover once one was asked for.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Holder names the member that leads.
type Holder struct {
	// The pod's name.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
	// The pod's UID.
	// +optional
	UID types.UID `json:"uid,omitempty"`
	// The pod's namespace.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
	// When its term began.
	// +optional
	StartTime *metav1.MicroTime `json:"startTime,omitempty"`
}
