// Package preference says how much a policy wants a member to lead.
//
// It is pure, and the only place that knows what an entry of weights means: the election asks it, and so does whoever
// explains an election to people.
package preference

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// Traits are what entries look at.
type Traits struct {
	PodLabels map[string]string
	// Node is the name of the pod's node, "" while it has none; NodeLabels are nil while they are not known.
	Node       string
	NodeLabels map[string]string
}

// Weigh returns the weight that a policy gives to a member, and the entry that it comes from: the first that fits. Where
// none does the weight is 0 and the entry nil.
func Weigh(p *v1alpha1.Preference, t Traits) (int32, *v1alpha1.PreferenceWeight) {
	if p == nil {
		return 0, nil
	}
	for i := range p.Weights {
		if w := &p.Weights[i]; fits(w, t) && w.Weight != nil {
			return *w.Weight, w
		}
	}
	return 0, nil
}

// fits says whether a member matches all that an entry names.
func fits(w *v1alpha1.PreferenceWeight, t Traits) bool {
	return holds(t.PodLabels, w.PodLabels) && holds(t.NodeLabels, w.NodeLabels) &&
		is(w.Zone, t.NodeLabels[corev1.LabelTopologyZone]) && is(w.Region, t.NodeLabels[corev1.LabelTopologyRegion]) &&
		is(w.NodeName, t.Node)
}

func is(wanted, value string) bool { return wanted == "" || wanted == value }

func holds(labels, wanted map[string]string) bool {
	for k, v := range wanted {
		if has, ok := labels[k]; !ok || has != v {
			return false
		}
	}
	return true
}

// Describe tells people what an entry looks at: "zone eu-1a, pod label tier=large".
func Describe(w *v1alpha1.PreferenceWeight) string {
	var parts []string
	add := func(what, value string) {
		if value != "" {
			parts = append(parts, what+" "+value)
		}
	}
	add("node", w.NodeName)
	add("zone", w.Zone)
	add("region", w.Region)
	for _, k := range slices.Sorted(maps.Keys(w.NodeLabels)) {
		add("node label", fmt.Sprintf("%s=%s", k, w.NodeLabels[k]))
	}
	for _, k := range slices.Sorted(maps.Keys(w.PodLabels)) {
		add("pod label", fmt.Sprintf("%s=%s", k, w.PodLabels[k]))
	}
	return strings.Join(parts, ", ")
}
