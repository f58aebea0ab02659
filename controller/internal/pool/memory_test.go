package pool

import (
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func lease(version string) *coordinationv1.Lease {
	return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "web", ResourceVersion: version}}
}

func TestWhatWasWrittenOutranksAnOlderCache(t *testing.T) {
	for name, tc := range map[string]struct {
		cached string // "" is not in the cache
		after  time.Duration
		want   string
	}{
		"the cache is behind":                      {"7", 0, "10"},
		"the cache does not show it yet":           {"", 0, "10"},
		"the cache has caught up":                  {"10", 0, "10"},
		"the cache is ahead":                       {"12", 0, "12"},
		"the cache never shows it: it was deleted": {"", 2 * time.Second, ""},
		"versions are numbers, not texts":          {"9", 0, "10"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			m.remember(leaseKey, lease("10"), epoch)
			got, found := newest(m, leaseKey, lease(tc.cached), tc.cached != "", epoch.Add(tc.after))
			if found != (tc.want != "") || got.ResourceVersion != tc.want {
				t.Errorf("found %v, version %q; want %q", found, got.ResourceVersion, tc.want)
			}
		})
	}
}

func TestARememberedPolicyThatTheCacheDoesNotShowIsLookedForAgain(t *testing.T) {
	r, m := reconciler(t, &wire{}, cached{}), newMemory()
	p := policy()
	p.ResourceVersion = "10"
	m.remember(policyKey, p, epoch)
	for _, step := range []struct {
		after time.Duration
		found bool
	}{{0, true}, {staleFor, true}, {2 * staleFor, false}} {
		var o Observed
		if err := r.observePolicy(t.Context(), client.ObjectKeyFromObject(p), m, epoch.Add(step.after), &o); err != nil {
			t.Fatal(err)
		}
		if found := o.Policy != nil; found != step.found || m.waiting() != step.found {
			t.Errorf("after %s: found %v, waiting %v; want both %v", step.after, found, m.waiting(), step.found)
		}
	}
}

func TestARoleThatWasWrittenOutranksAnOlderCache(t *testing.T) {
	m := newMemory()
	m.roles["ua"] = recentRole{version: 10, role: Role{Annotation: "leader"}, at: epoch}
	if got := m.newestRole("ua", "9", Role{Annotation: "follower"}, epoch); got.Annotation != "leader" {
		t.Errorf("behind: %+v", got)
	}
	if got := m.newestRole("ua", "11", Role{Annotation: "follower"}, epoch); got.Annotation != "follower" || m.waiting() {
		t.Errorf("ahead: %+v, waiting %v", got, m.waiting())
	}
}

func TestALeaseIsUnchangedSinceThisProcessSawItChange(t *testing.T) {
	m := newMemory()
	for _, step := range []struct {
		version string
		at      time.Duration
		want    time.Duration
	}{{"1", 0, 0}, {"1", 5 * time.Second, 5 * time.Second}, {"2", 6 * time.Second, 0}, {"2", 9 * time.Second, 3 * time.Second}} {
		if got := m.leaseUnchangedFor(step.version, epoch.Add(step.at)); got != step.want {
			t.Errorf("version %s at %v: unchanged for %v, want %v", step.version, step.at, got, step.want)
		}
	}
}

func TestAnEventAboutAMemberIsToldOnce(t *testing.T) {
	m, a := newMemory(), member("a")
	x, y := Event{Member: &a, Reason: "x"}, Event{Member: &a, Reason: "y"}
	if !m.tell(x) || m.tell(x) || !m.tell(y) {
		t.Error("the same news was told twice, or other news not at all")
	}
	m.leave([]Event{x}, epoch)
	m.prune(nil)
	if len(m.told)+len(m.left) != 0 {
		t.Error("a member that is gone is remembered")
	}
}
