package pool

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

func TestACandidateIsTrustedFromWhenThisProcessSawItReady(t *testing.T) {
	var p past
	at := func(seconds int, changes ...func(*Member)) time.Duration {
		m := member("a", changes...)
		return p.candidateFor(&m, epoch.Add(time.Duration(seconds)*time.Second))
	}
	readySince := func(seconds int) func(*Member) {
		return func(m *Member) { m.ReadySince = metav1.NewTime(epoch.Add(time.Duration(seconds) * time.Second)) }
	}
	for i, step := range []struct {
		got, want time.Duration
	}{
		{at(0, readySince(-100)), 0},
		{at(10, readySince(-100)), 10 * time.Second},
		{at(11, readySince(-100), unready), 0},
		{at(12, readySince(12)), 0},
		{at(20, readySince(12)), 8 * time.Second},
		{at(30, readySince(25)), 0}, // it was not ready for a moment that was not seen
		{at(40, readySince(25)), 10 * time.Second},
		{at(41, readySince(25), excluded), 0},
		{at(42, readySince(25)), 0},
	} {
		if step.got != step.want {
			t.Errorf("step %d: a candidate for %s, want %s", i, step.got, step.want)
		}
	}
}

func TestMovesAreCountedThatLeaveAnExistingLeader(t *testing.T) {
	var p past
	now := epoch
	led := func(holder string, members ...Member) (moved []time.Duration, last time.Duration) {
		now = now.Add(time.Second)
		o := observed(holder, members...)
		p.look(&o, now)
		p.tell(&o, now.Add(time.Second))
		return o.Moved, o.LastMove
	}
	check := func(step string, moved []time.Duration, last time.Duration, wantMoved int, wantLast time.Duration) {
		t.Helper()
		if len(moved) != wantMoved || last != wantLast {
			t.Errorf("%s: %d moves, the last %s ago; want %d, %s", step, len(moved), last, wantMoved, wantLast)
		}
	}
	a, b := member("a"), member("b")
	moved, last := led("a", a, b)
	check("the first that is seen is no move", moved, last, 0, 0)
	moved, last = led("b", a, b)
	check("away from one that is well", moved, last, 1, time.Second)
	moved, last = led("", a, b)
	check("emptied", moved, last, 1, 2*time.Second)
	moved, last = led("b", a, b)
	check("the same again", moved, last, 1, 3*time.Second)
	moved, last = led("a", a)
	check("away from one that is gone", moved, last, 1, time.Second)
	moved, last = led("b", member("a", terminating), b)
	check("away from one that is being deleted", moved, last, 1, time.Second)
	moved, last = led("a", a, member("b", unready))
	check("away from one that is not ready", moved, last, 2, time.Second)
	for range 2 * mostMoves {
		led("b", a, b)
		moved, _ = led("a", a, b)
	}
	if len(moved) != mostMoves {
		t.Errorf("%d moves are remembered, want %d", len(moved), mostMoves)
	}
	o := observed("a")
	setLease(&o, term.Record{Version: 500, Base: 100, Transitions: 9})
	p.look(&o, now)
}

func TestOneMoveIsCountedOnceHoweverOftenAnOldViewComesBack(t *testing.T) {
	var p past
	o := observed("", member("a"), member("b"))
	old := term.Record{Version: 500, Base: 100, Transitions: 1, Holder: term.Holder{Identity: "a", UID: "ua"}}
	fresh := term.Record{Version: 501, Base: 100, Transitions: 2, Holder: term.Holder{Identity: "b", UID: "ub"}}
	for i := range 3 {
		for _, view := range []term.Record{old, fresh} {
			o.Record = view
			p.look(&o, epoch.Add(time.Duration(i)*time.Second))
		}
	}
	if p.tell(&o, epoch.Add(10*time.Second)); len(o.Moved) != 1 || o.LastMove != 10*time.Second {
		t.Errorf("%d moves, the last %s ago; want one, 10 s ago", len(o.Moved), o.LastMove)
	}
}

func TestWhomItsIdentityKeepsFromBeingElectedIsNoCandidate(t *testing.T) {
	o := observed("a", member("a"), member("b"))
	o.Policy.Spec.IdentityStrategy = v1alpha1.IdentityCustom
	o.Members[0].CustomIdentity = "blue"
	m := newMemory()
	o.note(m, epoch)
	if o.note(m, epoch.Add(time.Hour)); o.Members[0].CandidateFor != time.Hour || o.Members[1].CandidateFor != 0 {
		t.Errorf("a is a candidate for %s, b for %s; want an hour and 0", o.Members[0].CandidateFor, o.Members[1].CandidateFor)
	}
}
