package pool

import "github.com/kube-zen/zen-lead/controller/internal/preference"

// weigh gives members the weights that the policy wants them to have.
func (o *Observed) weigh() {
	if o.Policy == nil || o.Policy.Spec.Preference == nil {
		return
	}
	for i := range o.Members {
		m := &o.Members[i]
		m.Weight, _ = preference.Weigh(o.Policy.Spec.Preference, m.Traits())
	}
}

// Traits are what a preference looks at.
func (m *Member) Traits() preference.Traits {
	return preference.Traits{PodLabels: m.Labels, Node: m.Node, NodeLabels: m.NodeLabels}
}
