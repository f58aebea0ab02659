package preference_test

import (
	"testing"

	"github.com/kube-zen/zen-lead/controller/internal/preference"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

func entry(weight int32, change func(*v1alpha1.PreferenceWeight)) v1alpha1.PreferenceWeight {
	w := v1alpha1.PreferenceWeight{Weight: &weight}
	change(&w)
	return w
}

func TestWeigh(t *testing.T) {
	t.Parallel()
	p := &v1alpha1.Preference{Weights: []v1alpha1.PreferenceWeight{
		entry(-5, func(w *v1alpha1.PreferenceWeight) { w.NodeName = "old" }),
		entry(100, func(w *v1alpha1.PreferenceWeight) { w.Zone, w.PodLabels = "a", map[string]string{"tier": "large"} }),
		entry(50, func(w *v1alpha1.PreferenceWeight) { w.Zone = "a" }),
		entry(20, func(w *v1alpha1.PreferenceWeight) { w.Region = "eu" }),
		entry(10, func(w *v1alpha1.PreferenceWeight) { w.NodeLabels = map[string]string{"disk": "ssd", "gpu": ""} }),
	}}
	zone := func(z string) map[string]string { return map[string]string{"topology.kubernetes.io/zone": z} }
	for name, c := range map[string]struct {
		member preference.Traits
		weight int32
		by     string
	}{
		"no entry fits":                          {preference.Traits{Node: "n", NodeLabels: zone("b")}, 0, ""},
		"the first that fits counts":             {preference.Traits{Node: "n", NodeLabels: zone("a")}, 50, "zone a"},
		"all that an entry names must fit":       {preference.Traits{PodLabels: map[string]string{"tier": "large"}, NodeLabels: zone("a")}, 100, "zone a, pod label tier=large"},
		"an earlier entry may be worth less":     {preference.Traits{Node: "old", NodeLabels: zone("a")}, -5, "node old"},
		"a region is a label of the node":        {preference.Traits{NodeLabels: map[string]string{"topology.kubernetes.io/region": "eu"}}, 20, "region eu"},
		"an empty label is not a missing one":    {preference.Traits{NodeLabels: map[string]string{"disk": "ssd"}}, 0, ""},
		"labels of a node":                       {preference.Traits{NodeLabels: map[string]string{"disk": "ssd", "gpu": ""}}, 10, "node label disk=ssd, node label gpu="},
		"a pod's label is none of its node":      {preference.Traits{PodLabels: map[string]string{"disk": "ssd", "gpu": ""}}, 0, ""},
		"a node that is not known has no labels": {preference.Traits{Node: "n"}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			weight, by := preference.Weigh(p, c.member)
			said := ""
			if by != nil {
				said = preference.Describe(by)
			}
			if weight != c.weight || said != c.by {
				t.Errorf("got %d by %q, want %d by %q", weight, said, c.weight, c.by)
			}
		})
	}
	if w, by := preference.Weigh(nil, preference.Traits{Node: "n"}); w != 0 || by != nil {
		t.Errorf("no preference: got %d by %v", w, by)
	}
}
