package kube

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

// Lease is one version of a pool's Lease, as it was read.
type Lease struct {
	// Record is what it says.
	Record term.Record
	// Owned says whether it is the pool's: it has a base, or was made for the pool and had no holder yet.
	Owned  bool
	object *coordinationv1.Lease
}

// LeaseOf returns what an object says. It fails where the object's resourceVersion is no number.
func LeaseOf(l *coordinationv1.Lease) (*Lease, error) {
	r, owned, err := RecordOf(l)
	if err != nil {
		return nil, err
	}
	made := l.Labels[v1alpha1.PoolLabel] == l.Name && !r.Held() && r.Transitions == 0
	return &Lease{Record: r, Owned: owned || made, object: l}, nil
}

// NewLease returns a pool's Lease as it is created at now: without holder and base, which come with the first grant, and to be left
// alone for a duration, in whole seconds. It has no ownerReference: the garbage collector would delete a held record with its
// policy.
func NewLease(namespace, pool string, lasts time.Duration, now time.Time) *coordinationv1.Lease {
	at := &metav1.MicroTime{Time: now} // electors that are not client-go's take a Lease without times at once
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: pool, Labels: map[string]string{
			v1alpha1.PoolLabel: pool, "app.kubernetes.io/managed-by": "zen-lead",
		}},
		Spec: coordinationv1.LeaseSpec{LeaseDurationSeconds: new(int32(lasts / time.Second)), AcquireTime: at, RenewTime: at},
	}
}

// With returns the object with another record, as [LeaseWith] does.
func (l *Lease) With(r term.Record) *coordinationv1.Lease { return LeaseWith(l.object, r) }

// LeaseWith returns a Lease with another record, to be PUT: it keeps UID and resourceVersion, so that the API server refuses it
// when anything happened since.
//
// acquireTime and renewTime are always written: electors that are not client-go's take a Lease without them at once. A Lease
// without holder lasts for a second, as client-go's does once it is released.
func LeaseWith(old *coordinationv1.Lease, r term.Record) *coordinationv1.Lease {
	o := old.DeepCopy()
	was := term.Record{Base: Term(old.Annotations[v1alpha1.TermBaseAnnotation])}
	if t := old.Spec.LeaseTransitions; t != nil {
		was.Transitions = *t
	}
	if was.Base == 0 { // nobody applies Leases of ours: untracked they are a quarter cheaper to write
		o.ManagedFields = []metav1.ManagedFieldsEntry{{}}
	}
	renewed := &metav1.MicroTime{Time: r.Renewed}
	if r.Term() != was.Term() || o.Spec.AcquireTime == nil {
		o.Spec.AcquireTime = renewed
	}
	o.Spec.RenewTime, o.Spec.LeaseTransitions = renewed, new(r.Transitions)
	if r.Base != 0 { // a Lease that nobody has held stays as it was made: the API server refuses a base of 0
		annotate(o, v1alpha1.TermBaseAnnotation, FormatTerm(r.Base))
	}
	annotate(o, v1alpha1.SuccessorAnnotation, r.Successor)
	annotate(o, v1alpha1.HolderUIDAnnotation, r.Holder.UID)
	if !r.Held() {
		annotate(o, v1alpha1.HolderProcessAnnotation, "")
		o.Spec.HolderIdentity, o.Spec.LeaseDurationSeconds = nil, new(int32(term.EmptyDuration/time.Second))
		return o
	}
	process := ""
	if r.Holder.Process.ID != "" {
		process = FormatTerm(r.Term()) + " " + r.Holder.Process.String()
	}
	annotate(o, v1alpha1.HolderProcessAnnotation, process)
	o.Spec.HolderIdentity, o.Spec.LeaseDurationSeconds = new(r.Holder.Identity), new(int32(r.Duration/time.Second))
	return o
}

// annotate sets an annotation, or takes it off where value is "".
func annotate(o *coordinationv1.Lease, name, value string) {
	if value == "" {
		delete(o.Annotations, name)
		return
	}
	metav1.SetMetaDataAnnotation(&o.ObjectMeta, name, value)
}
