package pool

import (
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
)

// renewal returns a Lease of a version that its holder says to have renewed at a moment.
func renewedAt(version, holder string, at time.Duration) *coordinationv1.Lease {
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "op", ResourceVersion: version},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: &holder, LeaseDurationSeconds: new(int32(15)), RenewTime: &metav1.MicroTime{Time: epoch.Add(at)},
		},
	}
}

func TestRenewals(t *testing.T) {
	now := epoch
	r := &Reconciler{Now: func() time.Time { return now }}
	heard := r.leaseChanged()
	first, second, third := renewedAt("500", "a", 0), renewedAt("600", "a", 2*time.Second), renewedAt("700", "a", 40*time.Second)
	key := client.ObjectKeyFromObject(first)
	update := func(before, after *coordinationv1.Lease) bool {
		return heard.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after})
	}
	unchanged := func(version int64, want time.Duration) time.Duration {
		t.Helper()
		got, late := r.renewals.unchangedFor(key, version, now)
		if got != want {
			t.Errorf("%s: version %d unchanged for %s, want %s", now.Sub(epoch), version, got, want)
		}
		return late
	}

	if update(renewedAt("400", "a", -time.Second), first) || len(r.renewals.leases) > 0 {
		t.Error("a Lease that nobody looks at was noted")
	}
	unchanged(500, 0)
	now = now.Add(5 * time.Second)
	if update(first, second) {
		t.Error("a renewal that nobody awaits had a pool decided")
	}
	now = now.Add(5 * time.Second)
	if late := unchanged(600, 5*time.Second); late != 0 {
		t.Errorf("late by %s", late)
	}
	if r.renewals.await(key, 500) {
		t.Error("a version that was replaced was awaited")
	}
	if !r.renewals.await(key, 600) || !update(second, third) {
		t.Error("the renewal that was awaited was passed over")
	}
	if update(third, renewedAt("701", "a", 41*time.Second)) {
		t.Error("the one after it was not")
	}
	if !update(third, renewedAt("702", "b", 42*time.Second)) {
		t.Error("another holder was passed over")
	}
}

func TestALateRenewalIsNoticedByItsHoldersClock(t *testing.T) {
	for name, tc := range map[string]struct {
		before, after *coordinationv1.Lease
		want          time.Duration
	}{
		"in time":        {renewedAt("1", "a", 0), renewedAt("2", "a", 15*time.Second), 0},
		"late":           {renewedAt("1", "a", 0), renewedAt("2", "a", 16*time.Second), 16 * time.Second},
		"another holder": {renewedAt("1", "a", 0), renewedAt("2", "b", 16*time.Second), 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := late(tc.before, tc.after); got != tc.want {
				t.Errorf("late %s, want %s", got, tc.want)
			}
		})
	}
	o := statusNames(observing("a", member("a")), "b", 7)
	o.Program.late = 40 * time.Second
	for _, e := range Decide(o, epoch).Events {
		if e.Reason == EventRenewedLate {
			return
		}
	}
	t.Error("nobody is told")
}
