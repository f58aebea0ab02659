package pool

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// leaseWith returns the Lease with another record, to be PUT. A holder that zen-lead names is nobody's process, and nobody renews it.
func leaseWith(old *coordinationv1.Lease, r term.Record, now time.Time) *coordinationv1.Lease {
	if r.Renewed = now; r.Held() {
		r.Holder.Process, r.Successor, r.Duration = term.Process{}, "", heldForever
	}
	return kube.LeaseWith(old, r)
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
