package pool

import (
	"encoding/json"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"

	"github.com/kube-zen/zen-lead/core/term"
)

func TestRoles(t *testing.T) {
	type write struct {
		pod, role string
		term      term.Number
	}
	leader, follower := role("leader", 101), role("follower", 101)
	edited := func(annotation, label string) func(*Member) {
		return func(m *Member) { m.Role.Annotation, m.Role.Label = annotation, label }
	}
	for name, tc := range map[string]struct {
		observed Observed
		want     []write
	}{
		"roles that are right are not written": {
			observed("a", member("a", leader), member("b", follower)), nil},
		"a follower keeps the term in which its role was written": {
			observed("a", member("a", leader), member("b", role("follower", 7))), nil},
		"new members become followers of the term": {
			observed("a", member("a", leader), member("b")), []write{{"b", "follower", 101}}},
		"a move writes the new leader and the old one": {
			observed("a", member("a", unready, leader), member("b", follower), member("c", follower)),
			[]write{{"a", "follower", 102}, {"b", "leader", 102}}},
		"a move marks the old leader even where its role was never written, against a late write": {
			observed("a", member("a", unready, role("follower", 50)), member("b", follower)),
			[]write{{"a", "follower", 102}, {"b", "leader", 102}}},
		"a release marks the old leader too": {
			observed("a", member("a", excluded, role("follower", 50))), []write{{"a", "follower", 101}}},
		"whom the status still names of an earlier term is marked: another replica replaced it and went no further": {
			statusNames(observed("b", member("a", role("follower", 50)), member("b", leader)), "a", 100),
			[]write{{"a", "follower", 101}}},
		"whom a slice still names of an earlier term is marked": {
			sliceNames(observed("b", member("a", role("follower", 50)), member("b", leader)), "a", 100),
			[]write{{"a", "follower", 101}}},
		"who was marked is not marked again": {
			statusNames(observed("b", member("a", follower), member("b", leader)), "a", 100), nil},
		"a follower of a term that never was is brought back": {
			observed("a", member("a", leader), member("b", role("follower", 5000))), []write{{"b", "follower", 101}}},
		"two leaders become one": {
			observed("a", member("a", leader), member("b", role("leader", 90))), []write{{"b", "follower", 101}}},
		"the leader's term follows the record": {
			observed("a", member("a", role("leader", 90))), []write{{"a", "leader", 101}}},
		"a label that was edited is repaired": {
			observed("a", member("a", leader, edited("leader", "follower")), member("b", follower, edited("follower", ""))),
			[]write{{"a", "leader", 101}, {"b", "follower", 101}}},
		"a pod that has ended and never had a role gets none": {
			observed("a", member("a", leader), member("b", terminal)), nil},
		"nobody has a role before anybody led": {
			justMade(observed("", member("a", unready))), nil},
	} {
		t.Run(name, func(t *testing.T) {
			tc.observed.Live = true
			var got []write
			for _, w := range Decide(tc.observed, epoch).Roles {
				got = append(got, write{w.Member.Name, w.Role, w.Term})
			}
			if len(got) != len(tc.want) {
				t.Fatalf("got %+v, want %+v", got, tc.want)
			}
			for i := range got {
				if got[i] != tc.want[i] {
					t.Errorf("got %+v, want %+v", got[i], tc.want[i])
				}
			}
		})
	}
}

// TestTheFenceOfRoles applies patches to pods that changed after they were read.
func TestTheFenceOfRoles(t *testing.T) {
	type pod struct{ uid, pool, role, term string }
	read := pod{"ua", "web", "follower", "90"}
	becomeLeader := RoleWrite{Member: member("a", role("follower", 90)), Role: "leader", Term: 101}
	first := RoleWrite{Member: member("a"), Role: "leader", Term: 101}
	takeOff := RoleWrite{Member: member("a", role("follower", 90))}
	for name, tc := range map[string]struct {
		write RoleWrite
		found pod
		works bool
	}{
		"the pod is as it was read":              {becomeLeader, read, true},
		"the pod was made again":                 {becomeLeader, pod{"other", "web", "follower", "90"}, false},
		"the pod went to another pool":           {becomeLeader, pod{"ua", "api", "follower", "90"}, false},
		"the pod left the pool":                  {becomeLeader, pod{"ua", "", "follower", "90"}, false},
		"a newer term marked it":                 {becomeLeader, pod{"ua", "web", "follower", "102"}, false},
		"its role changed in the same term":      {becomeLeader, pod{"ua", "web", "leader", "90"}, false},
		"its role was taken off":                 {becomeLeader, pod{"ua", "web", "", ""}, false},
		"it had no role and has none":            {first, pod{"ua", "web", "", ""}, true},
		"it had no role and was marked since":    {first, pod{"ua", "web", "follower", "102"}, false},
		"the role is taken off as it was read":   {takeOff, read, true},
		"the role is not taken off a newer mark": {takeOff, pod{"ua", "web", "leader", "102"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			annotations := map[string]string{"keep": "me"}
			labels := map[string]string{"app": "x"}
			for key, value := range map[string]string{"zen-lead/pool": tc.found.pool, "zen-lead/role": tc.found.role, "zen-lead/term": tc.found.term} {
				if value != "" {
					annotations[key] = value
				}
			}
			if tc.found.role != "" {
				labels["zen-lead/role"] = tc.found.role
			}
			body, err := tc.write.patch("web")
			if err != nil {
				t.Fatal(err)
			}
			err = applyPatch(t, body, map[string]any{"metadata": map[string]any{"uid": tc.found.uid, "annotations": annotations, "labels": labels}})
			if (err == nil) != tc.works {
				t.Errorf("patch %s: %v", body, err)
			}
		})
	}
}

func TestAnEmptyAnnotationIsNotAnAbsentOne(t *testing.T) {
	pod := map[string]any{"metadata": map[string]any{"uid": "ua", "labels": map[string]string{"zen-lead/role": ""},
		"annotations": map[string]string{"zen-lead/pool": "web", "zen-lead/role": "", "zen-lead/term": ""}}}
	seen := roleOf(map[string]string{"zen-lead/role": ""}, map[string]string{"zen-lead/role": "", "zen-lead/term": ""})
	for _, role := range []string{"follower", ""} {
		w := RoleWrite{Member: member("a", func(m *Member) { m.Role = seen }), Role: role, Term: 101}
		body, err := w.patch("web")
		if err != nil {
			t.Fatal(err)
		}
		if err := applyPatch(t, body, pod); err != nil {
			t.Errorf("patch %s: %v", body, err)
		}
	}
}

func TestAPodWithoutLabelsGetsTheMap(t *testing.T) {
	w := RoleWrite{Member: member("a", func(m *Member) { m.Unlabelled = true }), Role: "leader", Term: 101}
	body, err := w.patch("web")
	if err != nil {
		t.Fatal(err)
	}
	pod := map[string]any{"metadata": map[string]any{"uid": "ua", "annotations": map[string]string{"zen-lead/pool": "web"}}}
	if err := applyPatch(t, body, pod); err != nil {
		t.Errorf("patch %s: %v", body, err)
	}
}

// applyPatch uses the library that the API server uses.
func applyPatch(t *testing.T, body []byte, pod map[string]any) error {
	t.Helper()
	document, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := jsonpatch.DecodePatch(body)
	if err != nil {
		t.Fatal(err)
	}
	_, err = patch.Apply(document)
	return err
}

func TestTheTermStaysWhenARoleIsTakenOff(t *testing.T) {
	w := RoleWrite{Member: member("a", role("follower", 90))}
	body, err := w.patch("web")
	if err != nil {
		t.Fatal(err)
	}
	p, err := jsonpatch.DecodePatch(body)
	if err != nil {
		t.Fatal(err)
	}
	after, err := p.Apply([]byte(`{"metadata":{"uid":"ua","labels":{"zen-lead/role":"follower"},
		"annotations":{"zen-lead/pool":"web","zen-lead/role":"follower","zen-lead/term":"90"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"metadata":{"annotations":{"zen-lead/pool":"web","zen-lead/term":"90"},"labels":{},"uid":"ua"}}`; !jsonpatch.Equal(after, []byte(want)) {
		t.Errorf("left %s, want %s", after, want)
	}
	if got := w.written(); got.Term != 90 || got.HasAnnotation || got.HasLabel {
		t.Errorf("remembered as %+v", got)
	}
}
