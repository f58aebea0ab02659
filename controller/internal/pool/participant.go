package pool

import "github.com/kube-zen/zen-lead/core/api/v1alpha1"

// participates says whether the members contend for the pool's Lease themselves.
func (o *Observed) participates() bool {
	return o.Policy != nil && o.Policy.Spec.Mode == v1alpha1.ModeParticipant
}
