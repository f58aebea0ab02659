package v1alpha1

// Preference says which members should lead rather than others.
type Preference struct {
	// How much members are preferred, 1 to 16 entries. The first that fits a member gives its weight; a member that none
	// fits has weight 0. Among the members that may be elected the largest weight leads, then the oldest.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Weights []PreferenceWeight `json:"weights,omitempty"`

	// When a member of larger weight takes the lead from one that is well. Without it never: who leads stays.
	// Set it where the preferred place matters more than the interruption of a move.
	// +optional
	FailBack *FailBack `json:"failBack,omitempty"`
}

// PreferenceWeight gives a weight to the members that it fits: those that match all of what it names.
//
// +kubebuilder:validation:XValidation:rule="has(self.podLabels) || has(self.nodeLabels) || has(self.zone) || has(self.region) || has(self.nodeName)",message="spec.preference.weights: an entry names at least one of podLabels, nodeLabels, zone, region and nodeName"
type PreferenceWeight struct {
	// -100 to 100. A negative weight is for members that should lead only if nobody else can.
	// +required
	// +kubebuilder:validation:Minimum=-100
	// +kubebuilder:validation:Maximum=100
	Weight *int32 `json:"weight,omitempty"`

	// Labels of the pod.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=8
	PodLabels map[string]string `json:"podLabels,omitempty"`

	// Labels of the pod's node.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=8
	NodeLabels map[string]string `json:"nodeLabels,omitempty"`

	// The zone of the pod's node: its label topology.kubernetes.io/zone.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Zone string `json:"zone,omitempty"`

	// The region of the pod's node: its label topology.kubernetes.io/region.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Region string `json:"region,omitempty"`

	// The name of the pod's node.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	NodeName string `json:"nodeName,omitempty"`
}

// FailBack says when a member of larger weight takes the lead back.
type FailBack struct {
	// How many seconds the member must have been able to lead without a break, and the present leader have led; 1 to 86400.
	// There is no default: it is as long as the members need to be trusted again.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=86400
	AfterSeconds int32 `json:"afterSeconds,omitempty"`
}

// UnreachableNode says what becomes of a leader whose node cannot be heard.
// +kubebuilder:validation:Enum=move;hold
type UnreachableNode string

const (
	// UnreachableNodeMove: another member leads.
	UnreachableNodeMove UnreachableNode = "move"
	// UnreachableNodeHold: the leader stays, until its pod is deleted or its node is known to be dead.
	UnreachableNodeHold UnreachableNode = "hold"
)

// Failover bounds the moves that zen-lead makes by itself.
//
// +kubebuilder:validation:MinProperties=1
type Failover struct {
	// How many seconds lie at least between two moves, as long as the leader exists; 1 to 3600. A leader whose pod is deleted,
	// evicted or has ended is replaced at once, and a handover is made at once. Default: none.
	// Set it where each move costs more than a while with a leader that is not ready.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	MinSecondsBetweenMoves int32 `json:"minSecondsBetweenMoves,omitempty"`

	// What becomes of a leader whose node is unreachable or gone. "move" (the default): another member leads, although the old
	// one may still run where nobody can tell it. "hold": the leader stays, without traffic, until its pod is deleted (other than by the
	// node controller for the node's taint) or its node has the taint node.kubernetes.io/out-of-service.
	// Set "hold" where two that work at once are worse than none; no default serves both. Mode participant has neither: there a
	// leader leads for as long as it renews the Lease.
	// +optional
	UnreachableNode UnreachableNode `json:"unreachableNode,omitempty"`

	// True (the default): the Lease of a leader of mode participant is freed early where the kubelet reports its pod, and each of its
	// containers, to have ended. False: it is waited for, as a leader is that fell silent. A container that starts again in its pod
	// takes over by itself all the same.
	// Set it to false where something of a leader outlives its containers (processes that it started on the host by hostPID, a daemon,
	// a socket), or the kubelet is a program that stands for one (virtual-kubelet); no default serves both.
	// +optional
	ProofOfDeath *bool `json:"proofOfDeath,omitempty"`

	// True: the Lease of a leader of mode participant is freed early where the node of its pod has the taint
	// node.kubernetes.io/out-of-service, is not ready, and the leader gave no sign of life since. False (the default): it is waited for.
	// Set it to true where whoever sets that taint, a person or a program that fences nodes, does so only once the machine is
	// certainly off, and takes it off before the machine is started again: of a machine that runs two may lead.
	// +optional
	OutOfServiceTaint *bool `json:"outOfServiceTaint,omitempty"`
}
