package pool

import (
	"encoding/json"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
)

// costing gives a member a deletion cost.
func costing(cost string) func(*Member) {
	return func(m *Member) { m.Role.Cost, m.Role.HasCost = cost, true }
}

func withoutCost(m *Member) { m.Role.Cost, m.Role.HasCost = "", false }

func TestTheDeletionCostGoesWithTheLead(t *testing.T) {
	const path = "controller.kubernetes.io/pod-deletion-cost"
	leader, follower := role("leader", 101), role("follower", 101)
	for name, tc := range map[string]struct {
		write RoleWrite
		// found is the cost that the pod has by now, and want what it has afterwards; "": none.
		found, want string
		refused     bool
	}{
		"a new leader gets one":                       {RoleWrite{Member: member("a", follower), Role: "leader", Term: 102}, "", "1000", false},
		"a new leader's own stays":                    {RoleWrite{Member: member("a", follower, costing("7")), Role: "leader", Term: 102}, "7", "7", false},
		"one that its user wrote meanwhile stays":     {RoleWrite{Member: member("a", follower), Role: "leader", Term: 102}, "7", "7", true},
		"a leader's is taken off with the role":       {RoleWrite{Member: member("a", leader), Role: "follower", Term: 102}, "1000", "", false},
		"one that its user changed stays":             {RoleWrite{Member: member("a", leader, costing("7")), Role: "follower", Term: 102}, "7", "7", false},
		"one that its user changed meanwhile stays":   {RoleWrite{Member: member("a", leader), Role: "follower", Term: 102}, "7", "7", true},
		"the same number on a follower is its user's": {RoleWrite{Member: member("a", follower, costing("1000")), Role: "follower", Term: 102}, "1000", "1000", false},
		"it goes where the policy is gone":            {RoleWrite{Member: member("a", leader)}, "1000", "", false},
		"a follower gets none":                        {RoleWrite{Member: member("a"), Role: "follower", Term: 102}, "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			annotations := map[string]any{"zen-lead/pool": "web"}
			if r := tc.write.Member.Role; r.HasAnnotation {
				annotations["zen-lead/role"], annotations["zen-lead/term"] = r.Annotation, r.TermText
			}
			if tc.found != "" {
				annotations[path] = tc.found
			}
			before, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": "ua", "labels": map[string]any{}, "annotations": annotations}})
			if err != nil {
				t.Fatal(err)
			}
			body, err := tc.write.patch("web")
			if err != nil {
				t.Fatal(err)
			}
			p, err := jsonpatch.DecodePatch(body)
			if err != nil {
				t.Fatal(err)
			}
			after, err := p.Apply(before)
			if (err != nil) != tc.refused {
				t.Fatalf("refused: %v, want %v", err, tc.refused)
			}
			if tc.refused {
				return
			}
			var pod struct {
				Metadata struct{ Annotations map[string]string }
			}
			if err := json.Unmarshal(after, &pod); err != nil {
				t.Fatal(err)
			}
			if got := pod.Metadata.Annotations[path]; got != tc.want {
				t.Errorf("costs %q, want %q", got, tc.want)
			}
			if got := tc.write.written(); got.Cost != tc.want || got.HasCost != (tc.want != "") {
				t.Errorf("remembered as %q, want %q", got.Cost, tc.want)
			}
		})
	}
}

func TestALeaderWithoutDeletionCostIsRepaired(t *testing.T) {
	o := observed("a", member("a", role("leader", 101), withoutCost), member("b", role("follower", 101)))
	if p := Decide(o, epoch); len(p.Roles) != 1 || p.Roles[0].Member.Name != "a" || p.Roles[0].Role != "leader" || p.Roles[0].Term != 101 {
		t.Errorf("writes %+v", p.Roles)
	}
}
