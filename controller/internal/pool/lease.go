package pool

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// emptyDuration is the leaseDurationSeconds of a Lease without holder: whoever finds it need not wait.
const emptyDuration int32 = 1

// emptyLease is how a Lease is created: without holder and base, which come with the first grant. It has no
// ownerReference: the garbage collector would delete a held record with its policy.
func emptyLease(namespace, name string, now time.Time) *coordinationv1.Lease {
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: ownLabels(name)},
		Spec: coordinationv1.LeaseSpec{
			LeaseDurationSeconds: new(emptyDuration),
			AcquireTime:          &metav1.MicroTime{Time: now},
			RenewTime:            &metav1.MicroTime{Time: now},
		},
	}
}

// leaseWith returns the Lease with another record, to be PUT: it keeps the UID and resourceVersion of the version that
// was judged, so the API server refuses it when anything happened since.
//
// acquireTime and renewTime are always written: electors that are not client-go's take a Lease without them at once.
func leaseWith(old *coordinationv1.Lease, r term.Record, now time.Time) *coordinationv1.Lease {
	l := old.DeepCopy()
	if l.Annotations[v1alpha1.TermBaseAnnotation] == "" {
		// The first grant. Its fields are tracked until now; untracked it is a quarter cheaper to write.
		l.ManagedFields = untracked()
	}
	metav1.SetMetaDataAnnotation(&l.ObjectMeta, v1alpha1.TermBaseAnnotation, kube.FormatTerm(r.Base))
	l.Spec.LeaseTransitions = new(r.Transitions)
	l.Spec.AcquireTime = &metav1.MicroTime{Time: now}
	l.Spec.RenewTime = &metav1.MicroTime{Time: now}
	delete(l.Annotations, v1alpha1.HolderProcessAnnotation) // with that of another process a holder counts as a stranger's elector
	if !r.Held() {
		delete(l.Annotations, v1alpha1.HolderUIDAnnotation)
		l.Spec.HolderIdentity, l.Spec.LeaseDurationSeconds = nil, new(emptyDuration)
		return l
	}
	l.Annotations[v1alpha1.HolderUIDAnnotation] = r.Holder.UID
	delete(l.Annotations, v1alpha1.SuccessorAnnotation) // only members that contend look at it
	l.Spec.HolderIdentity, l.Spec.LeaseDurationSeconds = new(r.Holder.Identity), new(HeldForever)
	return l
}

// leaseNaming returns the Lease with another successor, "" for none, and nothing else changed: its holder goes on meanwhile.
func leaseNaming(old *coordinationv1.Lease, successor string) *coordinationv1.Lease {
	l := old.DeepCopy()
	if successor == "" {
		delete(l.Annotations, v1alpha1.SuccessorAnnotation)
		return l
	}
	metav1.SetMetaDataAnnotation(&l.ObjectMeta, v1alpha1.SuccessorAnnotation, successor)
	return l
}

// untracked is what empties managedFields, and keeps the API server from tracking the object's fields from then on.
// Nobody applies Leases and slices of ours.
func untracked() []metav1.ManagedFieldsEntry { return []metav1.ManagedFieldsEntry{{}} }
