package term_test

import (
	"math"
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/core/term"
)

var (
	self  = term.Holder{Identity: "a", UID: "u1", Process: term.Process{Container: "app", Instance: "2", ID: "me"}}
	other = term.Holder{Identity: "b", UID: "u2", Process: term.Process{Container: "app", Instance: "1", ID: "other"}}
)

const seen = time.Hour // on this process's clock

func TestNext(t *testing.T) {
	held := func(h term.Holder) term.Record {
		return term.Record{UID: "lease-1", Version: 80, Base: 70, Transitions: 1, Holder: h, Duration: 15 * time.Second, Renewed: time.Now()}
	}
	free := term.Record{UID: "lease-1", Version: 80, Base: 70, Transitions: 1, Duration: time.Second}
	process := func(container, instance string) term.Record {
		h := self
		h.Process = term.Process{Container: container, Instance: instance, ID: "before"}
		return held(h)
	}
	long := held(other)
	long.Duration = time.Minute
	named := func(successor string) term.Record {
		r := free
		r.Successor = successor
		return r
	}
	yesterday := held(other)
	yesterday.Renewed = time.Now().Add(-24 * time.Hour)
	tomorrow := held(other)
	tomorrow.Renewed = time.Now().Add(24 * time.Hour)
	renewed := held(other)
	renewed.Renewed = renewed.Renewed.Add(time.Second)

	wait := func(d time.Duration, why string) term.Step { return term.Step{After: d, Why: why} }
	acquire := term.Step{Move: term.MoveAcquire}
	const whole = 15750 * time.Millisecond // 15 s and 5 %
	for name, tc := range map[string]struct {
		record  term.Record
		unowned bool
		pool    term.Pool
		after   time.Duration // since it was seen
		want    term.Step
	}{
		"a holder that was just seen to renew is left its duration and the margin": {
			record: held(other), want: wait(whole, term.WhyHeld)},
		"a holder that was not seen to renew is waited for to the end": {
			record: held(other), after: 15700 * time.Millisecond, want: wait(50*time.Millisecond, term.WhyHeld)},
		"a holder that was not seen to renew for its duration without the margin still leads": {
			record: held(other), after: 15 * time.Second, want: wait(750*time.Millisecond, term.WhyHeld)},
		"a holder that was not seen to renew for its duration and the margin leads no more": {
			record: held(other), after: whole, want: acquire},
		"a renewal of yesterday, by the holder's clock, was only just seen": {
			record: yesterday, want: wait(whole, term.WhyHeld)},
		"a renewal of tomorrow, by the holder's clock, was seen long ago": {
			record: tomorrow, after: whole, want: acquire},
		"the duration that counts is the record's, not the policy's": {
			record: long, after: whole, want: wait(63*time.Second-whole, term.WhyHeld)},
		"an empty record is free": {
			record: free, want: acquire},
		"an empty record that names a successor is left to it for a moment": {
			record: named("b"), want: wait(2*time.Second, term.WhySuccessor)},
		"a successor that does not come is not waited for for ever": {
			record: named("b"), after: 2 * time.Second, want: acquire},
		"the successor itself does not wait": {
			record: named("a"), want: acquire},
		"a pool's first record is free": {
			record: term.Record{UID: "lease-1", Version: 80, Duration: time.Second}, want: acquire},
		"a record that was made anew is left alone for its duration and the margin": {
			record: term.Record{UID: "lease-2", Version: 90, Duration: 15 * time.Second}, want: wait(whole, term.WhyMissing)},
		"a record that was made anew is free after that": {
			record: term.Record{UID: "lease-2", Version: 90, Duration: 15 * time.Second}, after: whole, want: acquire},
		"a stranger's record is never taken over": {
			record: term.Record{UID: "lease-1", Version: 80, Duration: 15 * time.Second}, unowned: true, after: time.Hour, want: wait(0, term.WhyStranger)},
		"what this very process holds it may replace: nothing of it runs": {
			record: held(self), want: acquire},
		"another process of the same name and UID is another holder": {
			record: process("", ""), want: wait(whole, term.WhyHeld)},
		"the process before in the same container is dead": {
			record: process("app", "1"), want: acquire},
		"a process of another container of the pod may live": {
			record: process("sidecar", "1"), want: wait(whole, term.WhyHeld)},
		"a process of the same start of the container may live": {
			record: process("app", "2"), want: wait(whole, term.WhyHeld)},
		"nobody begins a term in a pool that is closed": {
			record: free, pool: term.Pool{Closed: "it is paused"}, want: wait(0, "it is paused")},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.pool.Durations == (term.Durations{}) {
				tc.pool.Durations = term.DefaultDurations
			}
			s := term.Sight{}.See(tc.record, !tc.unowned, seen)
			if got := s.Next(self, tc.pool, seen+tc.after); got != tc.want {
				t.Errorf("Next() = %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestAMissingRecordIsMadeToLastAsLongAsAnyHolderMayBelieveInTheOneBefore(t *testing.T) {
	p := term.Pool{Durations: term.DefaultDurations}
	s := term.Sight{}.See(term.Record{UID: "lease-1", Version: 80, Base: 70, Transitions: 1, Holder: other, Duration: time.Minute}, true, seen).Lose(seen + 1)
	if got, want := s.Next(self, p, seen+2*time.Hour), (term.Step{Move: term.MoveCreate, After: time.Minute}); got != want {
		t.Errorf("Next() = %+v, want %+v", got, want)
	}
	if got, want := (term.Sight{}).Lose(seen).Next(self, p, seen), (term.Step{Move: term.MoveCreate, After: 15 * time.Second}); got != want {
		t.Errorf("of one that was never seen: Next() = %+v, want %+v", got, want)
	}
	s.Record.Duration = math.MaxInt32 * time.Second // of mode controller, where nobody renews
	if got, want := s.Next(self, p, seen), (term.Step{Move: term.MoveCreate, After: time.Hour}); got != want {
		t.Errorf("of one that was held for ever: Next() = %+v, want %+v", got, want)
	}
}

func TestTheFirstRecordOfAPoolIsLeftToTheControllerForAMoment(t *testing.T) {
	p := term.Pool{Durations: term.DefaultDurations, NewSince: seen}
	missing := term.Sight{}.Lose(seen - time.Hour) // long before there was a policy
	if got, want := missing.Next(self, p, seen+time.Second), (term.Step{After: time.Second, Why: term.WhyNew}); got != want {
		t.Errorf("Next() = %+v, want %+v", got, want)
	}
	if got := missing.Next(self, p, seen+2*time.Second); got.Move != term.MoveCreate {
		t.Errorf("where the controller does not: Next() = %+v", got)
	}
}

func TestSignsOfLife(t *testing.T) {
	was := term.Record{UID: "lease-1", Version: 80, Base: 70, Transitions: 1, Holder: other, Duration: 15 * time.Second, Renewed: time.Unix(1e9, 0)}
	for name, tc := range map[string]struct {
		change func(*term.Record)
		alive  bool
	}{
		"a renewal is one": {func(r *term.Record) { r.Renewed = r.Renewed.Add(time.Microsecond) }, true},
		"a renewal by a clock that was set back is one": {func(r *term.Record) { r.Renewed = r.Renewed.Add(-time.Hour) }, true},
		"another holder is one":                         {func(r *term.Record) { r.Holder, r.Transitions = self, 2 }, true},
		"a record that was made anew is one":            {func(r *term.Record) { r.UID = "lease-2" }, true},
		"somebody's label is none":                      {func(*term.Record) {}, false},
		"a successor that is named is none":             {func(r *term.Record) { r.Successor = "c" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := was
			r.Version++
			tc.change(&r)
			s := term.Sight{}.See(was, true, seen).See(r, true, seen+time.Second)
			if got := s.Changed == seen+time.Second; got != tc.alive {
				t.Errorf("counts as a sign of life: %v", got)
			}
		})
	}
}
