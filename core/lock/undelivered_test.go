package lock

import (
	"testing"
	"time"
)

func TestAGrantOfWhichNobodyHears(t *testing.T) {
	run(t, map[string]func(*trial){
		"goes to the next by one write: who left is next once it is there": func(r *trial) {
			r.at(0, r.ask("a", 0), r.ask("b", 0), r.ask("c", 0)).held("a")
			first, writes := r.token(), r.writes
			r.at(1, Leave{"a", 1}).held("b").queue("a", "c").told(-1, "b", nil)
			if r.writes != writes+1 || r.s.Record.Last.Reason != Undelivered || r.token() <= first {
				r.t.Errorf("%d writes, %+v", r.writes-writes, r.s.Record)
			}
			r.at(2, r.ask("a", 2)).at(3, release("b", r.token())).held("a").queue("c")
		},
		"leaves the lock free where nobody waits, and its place is kept for a while": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, Leave{"a", 1}).held("nobody").queue("a").silent()
			r.at(10.9).queue("a").at(11).queue().at(13)
			if rec := r.s.Record; rec.Holder != nil || len(rec.Waiters) != 0 {
				r.t.Errorf("%+v", rec)
			}
		},
		"of who did not wait: it may ask again, and does not wait then either": func(r *trial) {
			try := func(e *Ask) { e.Try = true }
			r.at(0, r.ask("a", 0).with(try)).at(1, Leave{"a", 1}).held("nobody").queue("a")
			r.at(2, r.ask("b", 2)).held("b").queue("a").at(3, r.ask("a", 3).with(try)).told(0, "a", ErrHeld).queue()
		},
		"of who did not wait and had gone before: it has no place": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1).with(func(e *Ask) { e.Try = true }), Leave{"b", 1}).held("a").queue()
		},
		"of who would not have waited so long: it has no place": func(r *trial) {
			r.at(0, r.ask("a", 0).with(func(e *Ask) { e.Until = at(1) })).at(1, Leave{"a", 1}).held("nobody").queue()
		},
		"is kept where it asks again in the same moment": func(r *trial) {
			r.at(0, r.ask("a", 0), r.ask("b", 0))
			token := r.token()
			r.at(1, Leave{"a", 1}, r.ask("a", 1).with(func(e *Ask) { e.Stream = 2 })).held("a").told(1, "a", nil).queue("b")
			if r.token() != token {
				r.t.Errorf("token %d, then %d", token, r.token())
			}
		},
		"ends where the lock is to be taken from it": func(r *trial) {
			r.at(0, r.ask("a", 0), r.ask("b", 0)).at(0.5, Force{Token: r.token(), Forced: Forced{"boss", "why"}})
			r.at(1, Leave{"a", 1}).held("b").queue()
			if last := r.s.Record.Last; last.Reason != ByForce {
				r.t.Errorf("%+v", last)
			}
		},
		"of which it is not known that it was written goes to the next, too": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1).with(func(e *Ask) { e.Attempt = 1 }), r.ask("c", 1))
			before, batch := r.s, []Event{release("a", r.token())}
			landed, _ := before.Next(batch, at(2))
			r.s = before.Read(landed.Record, before.Version+3, at(3))
			r.at(4, append(batch, Leave{"b", 1})...).held("c").queue("b")
		},
		"of which it is not known that it was written, and may have moved what another home told": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1).with(func(e *Ask) { e.Attempt = 0 }))
			before := r.s
			theirs := &Holder{Request: ask("b").Request, Token: 200, TTL: time.Second, Home: "h2"}
			ours := *theirs
			ours.Home = "h1"
			seen := before.Read(Record{Holder: theirs, Token: 200}, 201, at(2))
			r.s = seen.Read(Record{Holder: &ours, Token: 200}, 202, at(3))
			r.at(4, Leave{"b", 1}).held("b")
		},
		"is of that stream alone": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, Leave{"a", 2}, Leave{"b", 1}).held("a")
		},
		"is kept where it was asked for again: who did may have heard": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("a", 1).with(func(e *Ask) { e.Stream = 2 }))
			r.at(2, Leave{"a", 1}, Leave{"a", 2}).held("a")
		},
		"is kept where it was renewed": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, renew("a", r.token())).at(2, Leave{"a", 1}).held("a")
		},
		"is kept where it was renewed without a write": func(r *trial) {
			r.at(0, r.ask("a", 0))
			r.s = r.s.Heard(at(1))
			r.at(2, Leave{"a", 1}).held("a")
		},
		"is kept where it was renewed while something else was being written": func(r *trial) {
			r.at(0, r.ask("a", 0))
			was := r.s
			r.s = r.s.After(was.Heard(at(1)))
			r.at(2, Leave{"a", 1}).held("a")
		},
		"is given up also where its time began with the write": func(r *trial) {
			r.at(0, r.ask("a", 0))
			r.s = r.s.Begun(at(0.5)).After(State{Home: "h1"})
			r.at(1, Leave{"a", 1}).held("nobody")
		},
		"is kept where another home has it by now": func(r *trial) {
			r.at(0, r.ask("a", 0)).read(foreign("h2", 2)).at(1, Leave{"a", 1}).held("a")
		},
		"is kept where this home has another name by now": func(r *trial) {
			r.at(0, r.ask("a", 0))
			r.s.Home = "h1'"
			r.at(1, Leave{"a", 1}).held("a")
		},
		"is kept where another home writes down who waits": func(r *trial) {
			r.at(0, r.ask("a", 0))
			r.s.Guest = true
			r.at(1, Leave{"a", 1}).held("a")
		},
	})
}

// TestWhoDidNotHearMayAskElsewhere is of another home, which reads what was written.
func TestWhoDidNotHearMayAskElsewhere(t *testing.T) {
	here := &trial{t: t, s: fresh()}
	there := &trial{t: t, s: fresh()}
	there.s.Home = "h2"
	here.at(0, here.ask("a", 0))
	there.s = there.s.Read(here.s.Record, here.s.Version, at(0))
	here.at(1, Leave{"a", 1})
	there.s = there.s.Read(here.s.Record, here.s.Version, at(1))
	there.at(2, there.ask("a", 2)).told(0, "a", nil).held("a")
	if h := there.s.Record.Holder; h.Home != "h2" || h.Token <= here.token() {
		t.Errorf("%+v", h)
	}
	here.s = here.s.Read(there.s.Record, there.s.Version, at(2))
	here.at(3, Leave{"a", 1}).held("a")
}

// TestWhoDidNotHearMayAskElsewhereLater is of a home that has missed a version.
func TestWhoDidNotHearMayAskElsewhereLater(t *testing.T) {
	here := &trial{t: t, s: fresh()}
	there := &trial{t: t, s: fresh()}
	there.s.Home = "h2"
	here.at(0, here.ask("a", 0), here.ask("b", 0), here.ask("c", 0))
	there.s = there.s.Read(here.s.Record, here.s.Version, at(0))
	here.at(1, Leave{"a", 1}).at(2, release("b", here.token())).held("c").queue("a")
	there.s = there.s.Read(here.s.Record, here.s.Version, at(2))
	there.at(3, there.ask("a", 3)).held("c").queue("a").at(3, there.ask("b", 3)).told(0, "b", ErrFinished)
}
