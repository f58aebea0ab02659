package replica

import (
	"fmt"
	"slices"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func leaseOf(name string, version int) *coordinationv1.Lease {
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: "zen-lead-system", Name: name, ResourceVersion: fmt.Sprint(version)},
		Spec:       coordinationv1.LeaseSpec{LeaseDurationSeconds: new(int32(15))},
	}
}

func TestWhoIsThere(t *testing.T) {
	type event struct {
		at      time.Duration
		version int // 0: deleted
		initial bool
	}
	for name, tc := range map[string]struct {
		events []event
		at     time.Duration
		there  bool
	}{
		"a replica whose Lease was made":                           {[]event{{0, 1, false}}, 15 * time.Second, true},
		"not one whose Lease did not change for its duration":      {[]event{{0, 1, false}}, 16 * time.Second, false},
		"one that renews":                                          {[]event{{0, 1, false}, {10 * time.Second, 2, false}}, 20 * time.Second, true},
		"not one whose Lease was there before, until it renews":    {[]event{{0, 1, true}}, time.Second, false},
		"one whose Lease was there before and changed":             {[]event{{0, 1, true}, {5 * time.Second, 2, false}}, 6 * time.Second, true},
		"not one that only a resync shows again":                   {[]event{{0, 1, false}, {14 * time.Second, 1, false}}, 20 * time.Second, false},
		"not one that a resync shows which was there at the start": {[]event{{0, 1, true}, {14 * time.Second, 1, false}}, 15 * time.Second, false},
		"not one that stopped":                                     {[]event{{0, 1, false}, {time.Second, 0, false}}, 2 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			var p peers
			for _, e := range tc.events {
				if e.version == 0 {
					p.gone("zen-lead.a", epoch.Add(e.at))
					continue
				}
				p.saw(leaseOf("zen-lead.a", e.version), e.initial, epoch.Add(e.at))
			}
			if got := slices.Contains(p.live(epoch.Add(tc.at)), "zen-lead.a"); got != tc.there {
				t.Errorf("there: %v, want %v", got, tc.there)
			}
		})
	}
}

func TestALeaseIsAbandonedOnceItDidNotChangeForAnHour(t *testing.T) {
	var p peers
	p.saw(leaseOf("zen-lead.dead", 1), true, epoch)
	p.saw(leaseOf("zen-lead.slow", 2), true, epoch)
	p.saw(leaseOf("zen-lead.slow", 3), false, epoch.Add(30*time.Minute))
	if got := p.abandoned(abandonedAfter, epoch.Add(time.Hour)); len(got) != 0 {
		t.Errorf("after an hour: %v", got)
	}
	got := p.abandoned(abandonedAfter, epoch.Add(time.Hour+time.Second))
	if len(got) != 1 || got[0].Name != "zen-lead.dead" {
		t.Errorf("later: %v", got)
	}
}
