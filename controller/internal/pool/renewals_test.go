package pool

import (
	"slices"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// nobody is marked.
func nobody(types.UID, term.Number) bool { return false }

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
		record, _, err := kube.RecordOf(map[int64]*coordinationv1.Lease{500: first, 600: second}[version])
		if err != nil {
			t.Fatal(err)
		}
		got := r.renewals.see(key, record, now, nobody)
		if got.unchangedFor != want {
			t.Errorf("%s: version %d unchanged for %s, want %s", now.Sub(epoch), version, got.unchangedFor, want)
		}
		return got.late
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

func TestWhatIsNoSignOfLife(t *testing.T) {
	at := func(version string, renewed time.Duration, changes ...func(*coordinationv1.Lease)) term.Record {
		l := renewedAt(version, "a", renewed)
		for _, c := range changes {
			c(l)
		}
		r, _, err := kube.RecordOf(l)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for name, tc := range map[string]struct {
		next term.Record
		life bool
	}{
		"a renewal is one": {at("600", time.Second), true},
		"a label is none":  {at("600", 0, func(l *coordinationv1.Lease) { l.Labels = map[string]string{"x": "y"} }), false},
		"the name of a successor is none": {
			at("600", 0, func(l *coordinationv1.Lease) { l.Annotations = map[string]string{v1alpha1.SuccessorAnnotation: "b"} }), false},
		"another holder is one":   {at("600", 0, func(l *coordinationv1.Lease) { l.Spec.HolderIdentity = new("b") }), true},
		"a new Lease is one":      {at("600", 0, func(l *coordinationv1.Lease) { l.UID = "new" }), true},
		"an older version is not": {at("400", time.Second), false},
	} {
		t.Run(name, func(t *testing.T) {
			var r renewals
			key := client.ObjectKey{Namespace: "ns", Name: "op"}
			r.see(key, at("500", 0), epoch, nobody)
			got := r.see(key, tc.next, epoch.Add(time.Minute), nobody)
			if got.alive != tc.life || (got.unchangedFor == 0) != tc.life || (got.changed == 600) != tc.life {
				t.Errorf("seen %+v, want life %v", got, tc.life)
			}
		})
	}
}

func TestWhomARecordNamedBeforeIsRememberedUntilItIsMarked(t *testing.T) {
	record := func(version int64, uid string) term.Record {
		return term.Record{Version: version, Base: 100, Transitions: int32(version), Holder: term.Holder{Identity: uid, UID: uid}}
	}
	var r renewals
	key := client.ObjectKey{Namespace: "ns", Name: "web"}
	r.see(key, record(1, "a"), epoch, nobody)
	r.see(key, record(2, ""), epoch, nobody)
	r.see(key, record(3, "b"), epoch, nobody)
	if got := r.see(key, record(4, "c"), epoch, nobody).replaced; !slices.Equal(got, []types.UID{"a", "b"}) {
		t.Errorf("replaced are %v", got)
	}
	marked := func(uid types.UID, t term.Number) bool { return uid == "a" && t == 103 || uid == "b" && t == 105 }
	if got := r.see(key, record(5, "c"), epoch, marked).replaced; !slices.Equal(got, []types.UID{"b"}) {
		t.Errorf("replaced are %v, want b: it was replaced in term 104", got)
	}
}
