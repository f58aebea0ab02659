package pool

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// fieldsUnused tells of what the spec says and this process cannot obey.
func fieldsUnused(o Observed) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionFieldsUnused, Status: metav1.ConditionFalse}
	if set := forParticipants(&o.Policy.Spec); set != "" && !o.participates() {
		c.Status, c.Reason = metav1.ConditionTrue, v1alpha1.ReasonNoParticipants
		c.Message = fmt.Sprintf("spec.%s: has a meaning in mode participant only, where the members contend for the Lease themselves", set)
		return c
	}
	if !o.NoNodes {
		return c
	}
	if o.participates() && o.acceptsTaint() {
		c.Status, c.Reason = metav1.ConditionTrue, v1alpha1.ReasonNodesUnknown
		c.Message = "spec.failover.outOfServiceTaint: proves nobody dead, as the controller may not look at nodes (--watch-namespaces): " +
			"use a controller for the whole cluster"
		return c
	}
	if o.wantsHold() {
		c.Status, c.Reason = metav1.ConditionTrue, v1alpha1.ReasonNodesUnknown
		c.Message = "spec.failover.unreachableNode: hold holds nobody, as the controller may not look at nodes (--watch-namespaces): " +
			"use a controller for the whole cluster"
		return c
	}
	p := o.Policy.Spec.Preference
	if p == nil {
		return c
	}
	ofNodes := func(w v1alpha1.PreferenceWeight) bool { return w.Zone != "" || w.Region != "" || len(w.NodeLabels) > 0 }
	if slices.ContainsFunc(p.Weights, ofNodes) {
		c.Status, c.Reason = metav1.ConditionTrue, v1alpha1.ReasonNodesUnknown
		c.Message = "spec.preference.weights: entries with zone, region or nodeLabels fit nobody, as the controller may not look at nodes " +
			"(--watch-namespaces): use podLabels or nodeName, or a controller for the whole cluster"
	}
	return c
}

// forParticipants returns the first of the fields that a spec sets and that have a meaning where members contend, "" for none.
func forParticipants(s *v1alpha1.LeaderPolicySpec) string {
	switch f := s.Failover; {
	case s.LeaseDurationSeconds != nil:
		return "leaseDurationSeconds"
	case s.RenewDeadlineSeconds != nil:
		return "renewDeadlineSeconds"
	case s.RetryPeriodSeconds != nil:
		return "retryPeriodSeconds"
	case f != nil && f.ProofOfDeath != nil:
		return "failover.proofOfDeath"
	case f != nil && f.OutOfServiceTaint != nil:
		return "failover.outOfServiceTaint"
	}
	return ""
}
