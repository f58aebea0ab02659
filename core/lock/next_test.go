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
