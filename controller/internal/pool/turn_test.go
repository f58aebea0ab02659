package pool

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/term"
)

func TestWhoseTurnItIs(t *testing.T) {
	moving, still := observed("a", member("b")), observed("a", member("a", role("leader", 101)))
	still.Policy.Status = statusOf(still, elect(still), still.Record, epoch)
	still = withoutSlices(still)
	progress := observed("b", member("b"))
	setLease(&progress, term.Record{Version: 501, Base: 100, Transitions: 2, Holder: term.Holder{Identity: "b", UID: "ub"}})
	progress.Lease.ResourceVersion = "501"
	noLease := moving
	noLease.Lease = nil
	if (new(Decide(still, epoch))).acts() || !new(Decide(progress, epoch)).acts() {
		t.Fatal("the fixtures are wrong")
	}
	// step is one decision, some time after the first.
	type step struct {
		at        time.Duration
		of        Observed
		mine      bool
		again     time.Duration
		preferred bool
	}
	for name, steps := range map[string][]step{
		"the preferred replica acts at once": {{of: moving, mine: true, preferred: true}},
		"another acts on what is undone after 300 ms": {
			{of: moving, again: 300 * time.Millisecond},
			{at: 100 * time.Millisecond, of: moving, again: 200 * time.Millisecond},
			{at: 300 * time.Millisecond, of: moving, mine: true},
		},
		"what somebody else did is left to him for another 300 ms": {
			{of: moving, again: 300 * time.Millisecond},
			{at: 250 * time.Millisecond, of: progress, again: 300 * time.Millisecond},
		},
		"a Lease that somebody deletes puts nothing off": {
			{of: moving, again: 300 * time.Millisecond},
			{at: 250 * time.Millisecond, of: noLease, again: 50 * time.Millisecond},
			{at: 300 * time.Millisecond, of: noLease, mine: true},
		},
		"what was done needs nobody": {
			{of: moving, again: 300 * time.Millisecond},
			{at: 300 * time.Millisecond, of: still},
		},
		"what turns up after that waits its own 300 ms": {
			{of: moving, again: 300 * time.Millisecond},
			{at: 100 * time.Millisecond, of: still},
			{at: 310 * time.Millisecond, of: moving, again: 300 * time.Millisecond},
		},
		"a pool that prefers this replica now is acted on at once": {
			{of: moving, again: 300 * time.Millisecond},
			{at: 10 * time.Millisecond, of: moving, mine: true, preferred: true},
			{at: 310 * time.Millisecond, of: moving, again: 300 * time.Millisecond},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			for i, s := range steps {
				r := &Reconciler{Preferred: func(types.NamespacedName) bool { return s.preferred }}
				mine, again := r.turn(types.NamespacedName{}, s.of, Decide(s.of, epoch), m, epoch.Add(s.at))
				if mine != s.mine || again != s.again {
					t.Errorf("step %d: mine %v, again %v; want %v, %v", i, mine, again, s.mine, s.again)
				}
			}
		})
	}
}

// withoutSlices lets the pool have no Service, so that an observation without slices wants none.
func withoutSlices(o Observed) Observed {
	carryOut(&o, Decide(o, epoch))
	carryOut(&o, Decide(o, epoch))
	return o
}

func TestWhoBeganFinishes(t *testing.T) {
	m := newMemory()
	m.acting = true // its last pass was stale
	o := observed("a", member("b"))
	r := &Reconciler{Preferred: func(types.NamespacedName) bool { return false }}
	if mine, _ := r.turn(types.NamespacedName{}, o, Decide(o, epoch), m, epoch); !mine {
		t.Error("it waits for another to finish")
	}
}

func TestAReplicaThatWasAsleepWaitsForItsTurnToo(t *testing.T) {
	o := observed("a", member("b"))
	o.Drowsy = true
	m := newMemory()
	r := &Reconciler{}
	if mine, again := r.turn(types.NamespacedName{}, o, Decide(o, epoch), m, epoch); mine || again != othersAfter {
		t.Errorf("mine %v, again %v", mine, again)
	}
	if mine, _ := r.turn(types.NamespacedName{}, o, Decide(o, epoch), m, epoch.Add(othersAfter)); !mine {
		t.Error("it never acts")
	}
}

func TestTwoThatUndoOneAnotherPauseAfterAWhile(t *testing.T) {
	repair := observed("a", member("a", role("leader", 101)), member("b"))
	lost := observed("a", member("b"))
	m := newMemory()
	r := &Reconciler{}
	acts := 0
	for at := range 1000 { // a plan each millisecond
		if mine, _ := r.turn(types.NamespacedName{}, repair, Decide(repair, epoch), m, epoch.Add(time.Duration(at)*time.Millisecond)); mine {
			acts++
		}
	}
	if acts < atOnce || acts > atOnce+5 {
		t.Errorf("%d of 1000 plans are carried out in a second, want %d and a few", acts, atOnce)
	}
	if mine, _ := r.turn(types.NamespacedName{}, lost, Decide(lost, epoch), m, epoch.Add(time.Second)); !mine {
		t.Error("a lost leader waits")
	}
}

func TestWhoActedInAnothersPlaceWaitsAgain(t *testing.T) {
	o := observed("a", member("b"))
	m := newMemory()
	r := &Reconciler{Preferred: func(types.NamespacedName) bool { return false }}
	plan := Decide(o, epoch)
	r.turn(types.NamespacedName{}, o, plan, m, epoch)
	if mine, _ := r.turn(types.NamespacedName{}, o, plan, m, epoch.Add(othersAfter)); !mine {
		t.Fatal("it never acts")
	}
	if mine, again := r.turn(types.NamespacedName{}, o, plan, m, epoch.Add(othersAfter+time.Millisecond)); mine || again == 0 {
		t.Errorf("mine %v, again %v", mine, again)
	}
}
