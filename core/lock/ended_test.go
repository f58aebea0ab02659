package lock

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// TestEveryHomeKnowsTheLastThatHaveEnded is of copies of requests that come late, to a home that has seen nothing of them.
func TestEveryHomeKnowsTheLastThatHaveEnded(t *testing.T) {
	here := &trial{t: t, s: fresh()}
	var ended []string
	for i := range DurablyEnded + 1 {
		id := fmt.Sprint("r", i)
		here.at(float64(i), here.ask(id, float64(i))).at(float64(i)+0.5, release(id, here.token()))
		ended = append(ended, id)
	}
	if n := len(here.s.Record.Ended); n != DurablyEnded {
		t.Fatalf("%d stand in the record", n)
	}
	there := &trial{t: t, s: fresh()}
	there.s.Home = "h2"
	there.s = there.s.Read(here.s.Record, here.s.Version, at(20))
	for _, id := range ended[1:] {
		there.at(21, there.ask(id, 21)).told(0, id, ErrFinished).held("nobody")
	}
	there.at(22, there.ask(ended[0], 22)).told(0, ended[0], nil)
}

func TestWhatTheRecordSaysOfTheEnd(t *testing.T) {
	ends := func(id string) func(*Record) {
		return func(r *Record) { r.Ended = []string{markOf(ask(id).Request)} }
	}
	run(t, map[string]func(*trial){
		"one that waits here has had the lock elsewhere": func(r *trial) {
			r.at(0, r.ask("a", 0), r.ask("b", 0), r.ask("c", 0)).read(ends("b")).at(1).told(-1, "b", ErrFinished).queue("c")
			r.at(2, release("a", r.token())).held("c")
		},
		"a release that is sent again elsewhere was one": func(r *trial) {
			r.read(ends("a")).at(1, release("a", 5)).told(0, "a", nil)
		},
		"one that lost the lock is told so": func(r *trial) {
			r.read(func(r *Record) { r.Ended = []string{markOf(ask("a").Request) + "!"} }).at(1, release("a", 5), r.ask("a", 1)).told(0, "a", ErrLost).told(1, "a", ErrFinished)
		},
		"it is how the last holder ended, also where a version was missed": func(r *trial) {
			r.at(0, r.ask("a", 0)).read(func(r *Record) {
				r.Holder, r.Ended, r.Last = nil, []string{markOf(ask("a").Request)}, Transition{Reason: Expired, Message: "b was not heard of"}
			})
			r.at(1, release("a", 100)).told(0, "a", nil)
		},
		"what expired is told along": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(16)
			if want := []string{markOf(ask("a").Request) + "!"}; !slices.Equal(r.s.Record.Ended, want) {
				r.t.Errorf("%v, want %v", r.s.Record.Ended, want)
			}
		},
		"it is of that account alone": func(r *trial) {
			r.read(ends("a")).at(1, r.ask("a", 1).with(func(e *Ask) { e.Account = "other" })).told(0, "a", nil)
		},
		"in the moment in which it ends another account's request of that id is not granted": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, release("a", r.token()), r.ask("a", 1).with(func(e *Ask) { e.Account = "other" })).told(1, "a", ErrForeign).held("nobody")
		},
		"it is no reason to write": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, release("x", 0))
			if r.writes != 1 || len(r.s.Record.Ended) != 0 {
				r.t.Errorf("%d writes, %v", r.writes, r.s.Record.Ended)
			}
			r.at(2, release("a", r.token()))
			if want := []string{markOf(ask("x").Request), markOf(ask("a").Request)}; !slices.Equal(r.s.Record.Ended, want) {
				r.t.Errorf("%v, want %v", r.s.Record.Ended, want)
			}
		},
	})
}

func TestAHomeKnowsMoreThanTheRecord(t *testing.T) {
	s := fresh()
	for i := range remembered + 1 {
		s, _ = s.Next([]Event{release(fmt.Sprint("r", i), 0)}, at(0))
	}
	_, answers := s.Next([]Event{ask("r1")}, at(1))
	if !errors.Is(answers[0].Err, ErrFinished) || s.hasEnded(ask("r0").Request) {
		t.Errorf("%+v, %v", answers, s.hasEnded(ask("r0").Request))
	}
}
