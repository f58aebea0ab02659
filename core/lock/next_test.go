package lock

import (
	"errors"
	"testing"
	"time"
)

var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return t0.Add(time.Duration(seconds * float64(time.Second))) }

func ask(id string) Ask {
	return Ask{Request: Request{ID: id, Owner: id, Account: "acc"}, TTL: 15 * time.Second, Came: t0, Stream: 1}
}

func fresh() State {
	return State{Home: "h1", Version: 100, MaxWaiters: 10, HomeLasts: 15 * time.Second}
}

// written is what a home goes on with once its write has succeeded.
func written(s State, _ []Answer) State {
	s.Version += 3
	return s
}

func TestReleaseAndNextGrantAreOneWrite(t *testing.T) {
	s := written(fresh().Next([]Event{ask("a")}, at(0)))
	s = written(s.Next([]Event{ask("b"), ask("c")}, at(1)))
	first := s.Record.Holder.Token
	s, answers := s.Next([]Event{Release{ID: "a", Account: "acc", Token: first}}, at(2))
	h := s.Record.Holder
	if h == nil || h.ID != "b" || h.Token <= first || h.Token != s.Record.Token {
		t.Fatalf("after the release: %+v", h)
	}
	if len(answers) != 2 || answers[0].Err != nil || answers[1].ID != "b" || answers[1].Holder != h {
		t.Fatalf("answers %+v", answers)
	}
	if len(s.Record.Waiters) != 1 || s.Record.Waiters[0].ID != "c" {
		t.Errorf("the record's waiters are %v, want c: a hand-over tells the queue along", s.Record.Waiters)
	}
}

func TestWhoOnlyWaitsCostsNoWrite(t *testing.T) {
	s := written(fresh().Next([]Event{ask("a")}, at(0)))
	next, answers := s.Next([]Event{ask("b")}, at(0.1))
	if !next.Record.Same(s.Record) || len(answers) != 0 || next.Waiting() != 1 {
		t.Fatalf("%+v, %v", next.Record, answers)
	}
	if due, ok := next.Due(); !ok || due != at(1.1) {
		t.Errorf("the queue is to be noted at %v, %v", due, ok)
	}
	later, _ := next.Next(nil, at(1.1))
	if later.Record.Same(s.Record) || later.Record.Waiting != 1 {
		t.Error("who waits for a second is not noted")
	}
}

func TestATryThatCannotHaveTheLockIsRefused(t *testing.T) {
	s := written(fresh().Next([]Event{ask("a")}, at(0)))
	try := ask("b")
	try.Try = true
	s, answers := s.Next([]Event{try}, at(1))
	if len(answers) != 1 || !errors.Is(answers[0].Err, ErrHeld) || s.Waiting() != 0 {
		t.Fatalf("%v", answers)
	}
}

func TestAGrantThatAnotherHomeMayBeWritingFailsOnceItsRequestHasEnded(t *testing.T) {
	end := Release{ID: "a", Account: "acc", Settle: true}
	again := ask("a")
	again.Attempt = 2
	held := written(fresh().Next([]Event{ask("x")}, at(0)))
	waits := written(held.Next([]Event{ask("a")}, at(0)))
	for name, tc := range map[string]struct {
		state  State
		events []Event
		writes bool
	}{
		"nobody here has heard of it":                     {fresh(), []Event{end}, true},
		"nor of it, while somebody holds the lock":        {held, []Event{end}, true},
		"it waits here, and came here first":              {waits, []Event{end}, false},
		"it waits here, and has asked before":             {written(held.Next([]Event{again}, at(0))), []Event{end}, true},
		"it waits here, as another home was not reached":  {written(held.guest().Next([]Event{ask("a")}, at(0))), []Event{end}, true},
		"it waits here, and came back":                    {written(waits.Next([]Event{ask("a")}, at(0))), []Event{end}, true},
		"it has ended before":                             {written(fresh().Next([]Event{end}, at(0))), []Event{end}, false},
		"by who may not make anybody write":               {fresh(), []Event{Release{ID: "a", Account: "acc"}}, false},
		"it holds the lock by another token, or once did": {fresh(), []Event{Release{ID: "a", Account: "acc", Token: 7, Settle: true}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			next, _ := tc.state.Next(tc.events, at(1))
			if writes := !next.Record.Same(tc.state.Record); writes != tc.writes {
				t.Errorf("writes: %v", writes)
			}
			if next.Record.Holder != tc.state.Record.Holder || next.Record.Token != tc.state.Record.Token || next.Record.Last.Reason == Granted && next.Record.Last.Message != tc.state.Record.Last.Message {
				t.Errorf("it became %+v", next.Record)
			}
		})
	}
}

func (s State) guest() State {
	s.Guest = true
	return s
}

func TestAGrantThatAnotherHomeMayBeWritingFailsOnceItsRequestWasRefused(t *testing.T) {
	held := written(fresh().Next([]Event{ask("x")}, at(0)))
	with := func(f func(*Ask)) Ask {
		e := ask("a")
		f(&e)
		return e
	}
	try := func(e *Ask) { e.Try = true }
	again := func(e *Ask) { e.Attempt = 2 }
	short := func(e *Ask) { e.Until = at(1) }
	full := held
	full.MaxWaiters = 0
	for name, tc := range map[string]struct {
		state  State
		event  Event
		writes bool
	}{
		"it tried, here first":                          {held, with(try), false},
		"it tried, after another home had heard of it":  {held, with(func(e *Ask) { try(e); again(e) }), true},
		"it tried, as another home was not reached":     {held.guest(), with(try), true},
		"too many wait":                                 {full, ask("a"), false},
		"too many wait, after another home heard of it": {full, with(again), true},
		"it waited long enough":                         {written(held.Next([]Event{with(short)}, at(0))), nil, false},
		"it waited, after another home had heard of it": {written(held.Next([]Event{with(func(e *Ask) { short(e); again(e) })}, at(0))), nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			var events []Event
			if tc.event != nil {
				events = append(events, tc.event)
			}
			next, answers := tc.state.Next(events, at(1))
			if len(answers) != 1 || answers[0].Err == nil {
				t.Fatalf("%+v", answers)
			}
			if writes := !next.Record.Same(tc.state.Record); writes != tc.writes {
				t.Errorf("writes: %v", writes)
			}
			if next.Record.Holder != tc.state.Record.Holder || next.Record.Token != tc.state.Record.Token {
				t.Errorf("it became %+v", next.Record)
			}
		})
	}
}
