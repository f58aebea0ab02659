package history

import (
	"fmt"
	"slices"
	"time"
)

// Kind of an object.
type Kind string

const (
	KindPod    Kind = "pod"
	KindLease  Kind = "lease"
	KindSlice  Kind = "slice"
	KindPolicy Kind = "policy"
)

// Type of an event.
type Type string

const (
	// Existing: the object was there when the history begins; Revision is that of its last write before.
	Existing Type = "existing"
	Added    Type = "added"
	Modified Type = "modified"
	// Deleted: the object is gone; the event carries its last values and the revision of the deletion.
	Deleted Type = "deleted"
)

// RoleLeader is the role that at most one pod of a pool carries in one term.
const RoleLeader = "leader"

// InjectedAnnotation marks a write that a test makes by hand: a new value, in the same write as what is injected, makes
// the recorder set Event.Injected. It needs no reply, so it also marks a write whose outcome its author never learned.
const InjectedAnnotation = "zen-lead-test/injected"

// MaxTerm is the largest term; a larger number that stands where a term is expected is none.
const MaxTerm = 1<<53 - 1

// Event is one write to one object. Of Pod, Lease, Slice and Policy the one of the event's Kind is set, with the values
// after the write.
type Event struct {
	// Revision is the resourceVersion that the write gave the object: its place in the order of all writes.
	Revision int64 `json:"revision"`
	// Received is when the recorder heard of it: for durations between events, never for their order.
	Received  time.Time `json:"received,omitzero"`
	Type      Type      `json:"type"`
	Kind      Kind      `json:"kind"`
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	UID       string    `json:"uid"`
	// Pool is the policy that the object belongs to: what the pod's annotation names, the Lease's or the policy's own
	// name, the slice's owner. Empty: none, and the event is not judged.
	Pool string `json:"pool,omitempty"`
	// Injected says that a test made this write by hand; see the package comment.
	Injected bool `json:"injected,omitempty"`

	Pod    Pod    `json:"pod,omitzero"`
	Lease  Lease  `json:"lease,omitzero"`
	Slice  Slice  `json:"slice,omitzero"`
	Policy Policy `json:"policy,omitzero"`
}

// Pod is what a pod says of its part in a pool.
type Pod struct {
	// Role is what zen-lead says of the pod.
	Role
	// Identity names the member in the Lease; empty: the pod's name.
	Identity string `json:"identity,omitempty"`
	// Ready is the condition; Terminating: a deletion was asked for; Ended: the phase is terminal; Excluded: the pod
	// asked not to be elected.
	Ready       bool `json:"ready,omitempty"`
	Terminating bool `json:"terminating,omitempty"`
	Ended       bool `json:"ended,omitempty"`
	Excluded    bool `json:"excluded,omitempty"`
}

// Role is what is written on a member in one write.
type Role struct {
	Label      string `json:"roleLabel,omitempty"`
	Annotation string `json:"roleAnnotation,omitempty"`
	// Term is the annotation's number, 0 where there is none or it is no term.
	Term int64 `json:"term,omitempty"`
}

// leads says whether anybody could take the pod for the leader: the label and the annotation are read by different
// people, either is enough.
func (r Role) leads() bool { return r.Label == RoleLeader || r.Annotation == RoleLeader }

// Lease is a pool's record.
type Lease struct {
	Holder    string `json:"holder,omitempty"`
	HolderUID string `json:"holderUID,omitempty"`
	// Base is the term-base annotation, 0 where there is none or it is no term.
	Base        int64 `json:"base,omitempty"`
	Transitions int32 `json:"transitions,omitempty"`
}

// Term returns the record's term, 0 while it has none.
func (l Lease) Term() int64 {
	if l.Base == 0 {
		return 0
	}
	return l.Base + int64(l.Transitions)
}

// Slice is where a leader Service sends traffic.
type Slice struct {
	Service string `json:"service,omitempty"`
	// Family is the address type, one slice each.
	Family string `json:"family,omitempty"`
	// Term is the annotation's number, 0 where there is none or it is no term.
	Term      int64    `json:"term,omitempty"`
	Endpoints []Target `json:"endpoints,omitempty"`
}

// Target is the pod that an endpoint or a status names.
type Target struct {
	Name string `json:"name,omitempty"`
	UID  string `json:"uid,omitempty"`
}

// Policy is what the status of a policy says, and whose Lease counts.
type Policy struct {
	Term   int64  `json:"term,omitempty"`
	Holder Target `json:"holder,omitzero"`
	// Observes is the Lease on which the program in the pods elects itself, "" where zen-lead elects.
	Observes string `json:"observes,omitempty"`
}

// Sort puts events into the order of a history: what existed first, then by revision.
func Sort(events []Event) {
	slices.SortStableFunc(events, func(a, b Event) int {
		if (a.Type == Existing) != (b.Type == Existing) {
			if a.Type == Existing {
				return -1
			}
			return 1
		}
		return int(min(max(a.Revision-b.Revision, -1), 1))
	})
}

// object is the identity of an object over its deletions.
type object struct {
	kind            Kind
	namespace, name string
}

func (e Event) object() object { return object{e.Kind, e.Namespace, e.Name} }

func (o object) String() string { return fmt.Sprintf("%s %s/%s", o.kind, o.namespace, o.name) }
