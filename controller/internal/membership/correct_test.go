package membership

import (
	"encoding/json"
	"maps"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestCorrection(t *testing.T) {
	type m = map[string]string
	for name, tc := range map[string]struct {
		labels, annotations         m
		wantLabels, wantAnnotations m
		nothing                     bool
	}{
		"a pod in no pool is left alone":                 {m{"app": "x"}, m{"a": "b"}, nil, nil, true},
		"a member with its label is alright":             {m{"zen-lead/pool": "web"}, m{"zen-lead/pool": "web"}, nil, nil, true},
		"an older pod gets its label":                    {m{"app": "x"}, m{"zen-lead/pool": "web"}, m{"app": "x", "zen-lead/pool": "web"}, m{"zen-lead/pool": "web"}, false},
		"a pod without labels gets the map":              {nil, m{"zen-lead/pool": "web"}, m{"zen-lead/pool": "web"}, m{"zen-lead/pool": "web"}, false},
		"a label follows the annotation":                 {m{"zen-lead/pool": "api"}, m{"zen-lead/pool": "web"}, m{"zen-lead/pool": "web"}, m{"zen-lead/pool": "web"}, false},
		"a label without annotation goes":                {m{"zen-lead/pool": "web"}, nil, m{}, nil, false},
		"an invalid name is nobody's pool":               {m{"zen-lead/pool": "web"}, m{"zen-lead/pool": "No_Pool"}, m{}, m{"zen-lead/pool": "No_Pool"}, false},
		"a pod that left loses its role":                 {m{"app": "x", "zen-lead/role": "leader"}, m{"zen-lead/role": "leader", "zen-lead/term": "7"}, m{"app": "x"}, m{}, false},
		"a pod that left loses a leader's deletion cost": {nil, m{"zen-lead/role": "leader", "controller.kubernetes.io/pod-deletion-cost": "1000"}, nil, m{}, false},
		"a deletion cost of its user's stays": {
			nil, m{"zen-lead/role": "leader", "controller.kubernetes.io/pod-deletion-cost": "7"}, nil, m{"controller.kubernetes.io/pod-deletion-cost": "7"}, false},
		"the same number on a pod that did not lead is its user's": {
			nil, m{"zen-lead/role": "follower", "controller.kubernetes.io/pod-deletion-cost": "1000"}, nil, m{"controller.kubernetes.io/pod-deletion-cost": "1000"}, false},
		"a role that was half removed is too": {nil, m{"zen-lead/role": "leader"}, nil, m{}, false},
		"a member keeps its role":             {m{"zen-lead/pool": "web", "zen-lead/role": "leader"}, m{"zen-lead/pool": "web", "zen-lead/role": "leader"}, nil, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "p", UID: "u", Labels: tc.labels, Annotations: tc.annotations}}
			body, err := correction(pod)
			if err != nil {
				t.Fatal(err)
			}
			if body == nil || tc.nothing {
				if body != nil || !tc.nothing {
					t.Errorf("patch %s, want one: %v", body, !tc.nothing)
				}
				return
			}
			got := patched(t, body, pod)
			if !maps.Equal(got.Labels, tc.wantLabels) || !maps.Equal(got.Annotations, tc.wantAnnotations) {
				t.Errorf("labels %v, annotations %v; want %v and %v", got.Labels, got.Annotations, tc.wantLabels, tc.wantAnnotations)
			}
			if fit, err := correction(got); fit != nil || err != nil {
				t.Errorf("it wants more: %s, %v", fit, err)
			}
		})
	}
}

func TestACorrectionFailsOnAnotherPod(t *testing.T) {
	read := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		UID: "u", Labels: map[string]string{"zen-lead/role": "leader"}, Annotations: map[string]string{"zen-lead/role": "leader", "zen-lead/term": "7"}}}
	body, err := correction(read)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*metav1.PartialObjectMetadata){
		"made again":      func(p *metav1.PartialObjectMetadata) { p.UID = "other" },
		"in a pool again": func(p *metav1.PartialObjectMetadata) { p.Annotations["zen-lead/pool"] = "web" },
		"marked anew":     func(p *metav1.PartialObjectMetadata) { p.Annotations["zen-lead/term"] = "8" },
	} {
		t.Run(name, func(t *testing.T) {
			found := read.DeepCopy()
			change(found)
			if _, err := apply(t, body, found); err == nil {
				t.Errorf("patch %s went through", body)
			}
		})
	}
}

func patched(t *testing.T, body []byte, pod *metav1.PartialObjectMetadata) *metav1.PartialObjectMetadata {
	t.Helper()
	document, err := apply(t, body, pod)
	if err != nil {
		t.Fatalf("patch %s: %v", body, err)
	}
	var got metav1.PartialObjectMetadata
	if err := json.Unmarshal(document, &got); err != nil {
		t.Fatal(err)
	}
	return &got
}

// apply uses the library that the API server uses.
func apply(t *testing.T, body []byte, pod *metav1.PartialObjectMetadata) ([]byte, error) {
	t.Helper()
	document, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := jsonpatch.DecodePatch(body)
	if err != nil {
		t.Fatal(err)
	}
	return patch.Apply(document)
}
