package lock

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// trial is a lock at one home, which writes what is decided at once.
type trial struct {
	t       *testing.T
	s       State
	now     float64
	answers []Answer
	writes  int
}

// at has events happen together at a time, in seconds.
func (r *trial) at(seconds float64, events ...Event) *trial {
	r.now = seconds
	next, answers := r.s.Next(events, at(seconds))
	if !next.Record.Same(r.s.Record) {
		next.Version += 3
		r.writes++
	}
	r.s, r.answers = next, answers
	return r
}

// read has another's write be read.
func (r *trial) read(change func(*Record)) *trial {
	is := r.s.Record
	change(&is)
	r.s = r.s.Read(is, r.s.Version+3, at(r.now))
	return r
}

func (r *trial) holder() string {
	if h := r.s.Record.Holder; h != nil {
		return h.ID
	}
	return "nobody"
}

func (r *trial) held(by string) *trial {
	r.t.Helper()
	if got := r.holder(); got != by {
		r.t.Fatalf("at %v s %s holds the lock, want %s", r.now, got, by)
	}
	return r
}

// queue is who waits, next first.
func (r *trial) queue(want ...string) *trial {
	r.t.Helper()
	var got []string
	for _, w := range r.s.Queue() {
		got = append(got, w.ID)
	}
	if !slices.Equal(got, want) {
		r.t.Fatalf("at %v s %v wait, want %v", r.now, got, want)
	}
	return r
}

// told wants an answer to an event, or to a waiter by its id.
func (r *trial) told(event int, id string, want error) *trial {
	r.t.Helper()
	var n int
	for _, a := range r.answers {
		if a.Event != event || a.ID != id {
			continue
		}
		if n++; !errors.Is(a.Err, want) || a.Err != nil && want == nil {
			r.t.Fatalf("at %v s event %d of %s is answered %v, want %v", r.now, event, id, a.Err, want)
		}
	}
	if n != 1 {
		r.t.Fatalf("at %v s event %d of %s is answered %d times: %v", r.now, event, id, n, r.answers)
	}
	return r
}

func (r *trial) silent() *trial {
	r.t.Helper()
	if len(r.answers) > 0 {
		r.t.Fatalf("at %v s answers %v", r.now, r.answers)
	}
	return r
}

func (r *trial) token() int64 { return r.s.Record.Token }

// ask is one that comes at a time.
func (r *trial) ask(id string, seconds float64) Ask {
	e := ask(id)
	e.Came = at(seconds)
	return e
}

func release(id string, token int64) Release { return Release{ID: id, Account: "acc", Token: token} }

func renew(id string, token int64) Renew { return Renew{ID: id, Account: "acc", Token: token} }

func (e Ask) with(change func(*Ask)) Ask {
	change(&e)
	return e
}

// foreign is another home's write by which it keeps the holder.
func foreign(home string, attempt int64) func(*Record) {
	return func(is *Record) { h := *is.Holder; h.Home, h.Attempt = home, attempt; is.Holder = &h }
}

func run(t *testing.T, cases map[string]func(*trial)) {
	t.Helper()
	for name, do := range cases {
		t.Run(name, func(t *testing.T) { do(&trial{t: t, s: fresh()}) })
	}
}

func TestWhatBecomesOfARequest(t *testing.T) {
	run(t, map[string]func(*trial){
		"that is sent again while it holds the lock: the same token, and no write": func(r *trial) {
			r.at(0, r.ask("a", 0)).held("a")
			first := r.s.Record.Holder.Token
			r.at(5, r.ask("a", 5)).told(0, "a", nil)
			if a := r.answers[0]; a.Holder.Token != first || a.Waited != 0 || r.writes != 1 {
				r.t.Errorf("%+v after %d writes", a, r.writes)
			}
		},
		"that was released: it is finished": func(r *trial) {
			r.at(0, r.ask("a", 0))
			r.at(1, release("a", r.token())).told(0, "a", nil)
			r.at(2, r.ask("a", 2)).told(0, "a", ErrFinished).held("nobody")
		},
		"that expired: it is finished": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(16, r.ask("a", 16)) // it comes in time: it was not judged before
			r.held("a").at(32).held("nobody")
			r.at(33, r.ask("a", 33)).told(0, "a", ErrFinished)
		},
		"that another home granted and let go: it is finished, and who waits by it hears so": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1))
			r.read(func(is *Record) {
				is.Holder = &Holder{Request: ask("b").Request, Token: 200, TTL: time.Second, Home: "h2"}
				is.Token = 200
			})
			r.read(func(is *Record) { is.Holder = nil; is.Last = Transition{Reason: Expired} })
			r.at(2).told(-1, "b", ErrFinished).queue().held("nobody")
			r.at(3, r.ask("b", 3)).told(0, "b", ErrFinished)
		},
		"that is cancelled before it has come": func(r *trial) {
			r.at(0, release("a", 0)).told(0, "a", nil)
			r.at(1, r.ask("a", 1)).told(0, "a", ErrFinished).held("nobody")
		},
		"that is cancelled while it waits: both hear": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1))
			r.at(2, release("b", 0)).told(0, "b", nil).told(-1, "b", ErrFinished).queue()
		},
		"that is cancelled too late: it is granted, and released": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, release("a", 0)).told(0, "a", nil).held("nobody")
		},
		"that is cancelled in the turn in which it comes": func(r *trial) {
			r.at(0, r.ask("a", 0), release("a", 0)).told(0, "a", ErrFinished).told(1, "a", nil).held("nobody")
			r.at(0, release("b", 0), r.ask("b", 0)).told(0, "b", nil).told(1, "b", ErrFinished).held("nobody")
		},
		"that is cancelled when its own grant was written and not heard of": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1))
			r.read(func(is *Record) {
				is.Holder = &Holder{Request: ask("b").Request, Token: 200, TTL: time.Second, Home: "h1"}
				is.Token = 200
			})
			r.at(2, release("b", 0)).told(0, "b", nil).held("nobody").queue()
		},
		"that comes twice in one turn: one is overtaken": func(r *trial) {
			r.at(0, r.ask("a", 0), r.ask("a", 0).with(func(e *Ask) { e.Stream = 2 })).told(0, "a", ErrOvertaken).told(1, "a", nil)
		},
		"that comes again on another stream: the stream before hears that, and no longer counts": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1))
			r.at(2, r.ask("b", 2).with(func(e *Ask) { e.Stream = 2 })).told(-1, "b", ErrOvertaken)
			if r.answers[0].Stream != 1 {
				r.t.Errorf("%+v", r.answers[0])
			}
			r.at(3, Leave{"b", 1}).at(14).queue("b")
			r.at(14, release("a", r.token())).told(-1, "b", nil)
			if a := r.answers[1]; a.Stream != 2 || a.Waited != 12*time.Second {
				r.t.Errorf("%+v: it counts from when the last Ask came", a)
			}
		},
		"that comes from another account": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1))
			token := r.token()
			evil := func(id string) Ask { return r.ask(id, 2).with(func(e *Ask) { e.Account = "evil" }) }
			r.at(2, evil("a"), evil("b"), Release{ID: "a", Account: "evil", Token: token}, Release{ID: "a", Account: "evil", Token: 0}, Release{ID: "b", Account: "evil", Token: 0}, Renew{ID: "a", Account: "evil", Token: token})
			r.told(0, "a", ErrForeign).told(1, "b", ErrForeign).told(2, "a", ErrForeign).told(3, "a", ErrForeign).told(4, "b", ErrForeign).told(5, "a", ErrForeign)
			r.held("a").queue("b")
		},
		"of another account, with the id that another home granted the lock": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1).with(func(e *Ask) { e.Account = "evil" }))
			r.read(func(is *Record) {
				is.Holder = &Holder{Request: ask("b").Request, Token: 200, TTL: time.Second, Home: "h2"}
				is.Token = 200
			})
			r.at(2).told(-1, "b", ErrForeign)
			if h := r.s.Record.Holder; h.Home != "h2" {
				r.t.Errorf("%+v: moved on the word of a stranger", h)
			}
		},
		"that breaks and comes back within 10 s: it keeps its place": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1), r.ask("c", 1)).at(2, Leave{"b", 1}).at(11.9, r.ask("b", 11.9)).queue("b", "c")
			r.at(12.1).queue("b", "c").at(13, release("a", r.token())).held("b")
		},
		"that breaks and does not come back: nobody hears": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1), r.ask("c", 1)).at(2, Leave{"b", 1}).at(11.99).queue("b", "c").at(12).queue("c").silent()
			r.at(12.5, r.ask("b", 12.5)).queue("c", "b")
		},
		"that is away: it is passed over, and keeps its place": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1), r.ask("c", 1)).at(2, Leave{"b", 1})
			r.at(3, release("a", r.token())).held("c").queue("b")
			r.at(4, r.ask("d", 4)).at(5, r.ask("b", 5)).queue("b", "d")
			r.at(6, release("c", r.token())).held("b").queue("d")
		},
		"that breaks in the turn in which it would be granted": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1)).at(2, release("a", r.token()), Leave{"b", 1}).held("nobody").queue("b")
		},
		"that waits no longer": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1).with(func(e *Ask) { e.Until = at(3) })).at(2.9).queue("b").at(3).told(-1, "b", ErrHeld).queue()
		},
		"that waits no longer when it comes": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1).with(func(e *Ask) { e.Until = at(0.5) })).told(0, "b", ErrHeld).queue()
		},
		"that does not wait, of a lock that is free but for who is away": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1)).at(2, Leave{"b", 1}).at(3, release("a", r.token()))
			r.at(4, r.ask("c", 4).with(func(e *Ask) { e.Try = true })).told(0, "c", nil).held("c").queue("b")
		},
	})
}

func TestTooManyWait(t *testing.T) {
	run(t, map[string]func(*trial){
		"only who would have to wait is refused": func(r *trial) {
			r.s.MaxWaiters = 0
			r.at(0, r.ask("a", 0)).told(0, "a", nil).at(1, r.ask("b", 1)).told(0, "b", ErrFull)
			r.at(2, release("a", r.token()), r.ask("c", 2)).told(1, "c", nil).held("c")
		},
		"those who get it in this turn take no place": func(r *trial) {
			r.s.MaxWaiters = 1
			r.at(0, r.ask("a", 0), r.ask("b", 0), r.ask("c", 0)).told(0, "a", nil).told(2, "c", ErrFull).queue("b")
		},
		"who is refused because it does not wait takes no place": func(r *trial) {
			r.s.MaxWaiters = 1
			r.at(0, r.ask("a", 0)).at(1, r.ask("t", 1).with(func(e *Ask) { e.Try = true }), r.ask("b", 1)).told(0, "t", ErrHeld).queue("b")
		},
		"who waits and comes again is not refused": func(r *trial) {
			r.s.MaxWaiters = 1
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1))
			r.s.MaxWaiters = 0
			r.at(2, r.ask("b", 2)).queue("b")
		},
		"nobody waits for a lock that is not granted yet": func(r *trial) {
			r.s.MaxWaiters, r.s.NotBefore = 0, at(5)
			r.at(0, r.ask("a", 0)).told(0, "a", ErrFull)
		},
	})
}

func TestTokens(t *testing.T) {
	run(t, map[string]func(*trial){
		"are the version that they replace": func(r *trial) {
			if r.at(0, r.ask("a", 0)); r.token() != 100 || r.s.Record.Holder.Token != 100 {
				r.t.Error(r.token())
			}
		},
		"are one more than the last, where that is larger": func(r *trial) {
			r.s.Record.Token = 500
			if r.at(0, r.ask("a", 0)); r.token() != 501 {
				r.t.Error(r.token())
			}
		},
		"are raised once by a hand-over with force": func(r *trial) {
			r.s.Record.Token = 500
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1)).at(2, Force{Token: 501, Now: true}).held("b")
			if h := r.s.Record.Holder; r.token() != 502 || h.Token != 502 {
				r.t.Error(r.token(), h.Token)
			}
		},
		"are raised by force also where nobody is next": func(r *trial) {
			r.s.Record.Token = 500
			r.at(0, r.ask("a", 0)).at(2, Force{Token: 501, Now: true}).held("nobody")
			if r.token() != 502 {
				r.t.Error(r.token())
			}
			if r.at(3, r.ask("b", 3)); r.token() != 503 {
				r.t.Error(r.token())
			}
		},
		"are not raised by release, expiry or a move": func(r *trial) {
			r.at(0, r.ask("a", 0)).read(func(is *Record) { h := *is.Holder; h.Home = "h2"; is.Holder = &h })
			if r.at(1, renew("a", 100)).at(2, release("a", 100)); r.token() != 100 {
				r.t.Error(r.token())
			}
		},
	})
}

func TestForce(t *testing.T) {
	run(t, map[string]func(*trial){
		"waits until the holder must have stopped, and hears it no more": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1))
			token := r.token()
			r.at(2, Force{Token: token, Forced: Forced{"boss", "why"}}).told(0, "", nil).held("a")
			r.at(3, renew("a", token), r.ask("a", 3)).told(0, "a", ErrLost).told(1, "a", ErrLost)
			if r.s.Keeps("a", token) {
				r.t.Error("a sign of life of it would be acknowledged")
			}
			r.at(15.74).held("a").at(15.75).held("b")
			if r.s.Record.Last.Reason != ByForce {
				r.t.Error(r.s.Record.Last)
			}
			r.at(16, release("a", token)).told(0, "a", ErrLost)
		},
		"does not wait for who releases": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1)).at(2, Force{Token: r.token(), Forced: Forced{"boss", "why"}})
			token := r.token()
			r.at(3, release("a", token)).told(0, "a", nil).held("b")
			if last := r.s.Record.Last; last.Reason != ByForce || last.Message != "boss took it from a: why; a released it; b got it" {
				r.t.Error(last)
			}
			r.at(4, release("a", token)).told(0, "a", nil)
		},
		"takes it at once, if it is told to": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1)).at(2, Force{Token: r.token(), Now: true}).told(0, "", nil).told(-1, "b", nil).held("b")
		},
		"means one holder": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, Force{Token: r.token() - 1, Now: true}).told(0, "", ErrLost).held("a")
		},
		"stays: another home does not take the holder over": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, Force{Token: r.token()})
			r.read(func(is *Record) { h := *is.Holder; h.Home = "h2"; is.Holder = &h })
			r.at(2, renew("a", r.token()), r.ask("a", 2)).told(0, "a", ErrLost).told(1, "a", ErrLost)
			if r.s.Record.Holder.Home != "h2" {
				r.t.Error(r.s.Record.Holder)
			}
		},
		"is told to who was granted the lock and had not heard": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1))
			r.read(func(is *Record) {
				is.Holder = &Holder{Request: ask("b").Request, Token: 200, TTL: time.Second, Home: "h1", Forced: &Forced{"boss", "why"}}
				is.Token = 200
			})
			r.at(2).told(-1, "b", ErrLost).queue()
		},
	})
}

func TestAHolderIsNotLetExpireEarly(t *testing.T) {
	for name, tc := range map[string]struct {
		do   func(*trial)
		want float64 // when it is free, in seconds; 0: never
	}{
		"heard of when it was granted":               {func(*trial) {}, 15.75},
		"heard of by a renewal":                      {func(r *trial) { r.s = r.s.Heard(at(5)) }, 20.75},
		"heard of by a request that is sent again":   {func(r *trial) { r.at(6, r.ask("a", 6)) }, 21.75},
		"heard of by a renewal that did not know":    {func(r *trial) { r.at(7, renew("a", r.token())) }, 22.75},
		"not heard of by a stranger":                 {func(r *trial) { r.at(7, Renew{ID: "a", Account: "evil", Token: r.token()}) }, 15.75},
		"not heard of by a renewal of another token": {func(r *trial) { r.at(7, renew("a", 1)) }, 15.75},
		"kept by another home, which is not known to be silent": {func(r *trial) {
			r.now = 5
			r.read(func(is *Record) { h := *is.Holder; h.Home = "h2"; is.Holder = &h })
		}, 0},
		"kept by another home, which was silent from 8 s on": {func(r *trial) {
			r.now = 5
			r.read(func(is *Record) { h := *is.Holder; h.Home = "h2"; is.Holder = &h })
			r.s.Silent = at(8)
		}, 8 + 15.75 + 15.75},
		"kept by this home under the name that it had": {func(r *trial) { r.s.Home, r.s.Silent = "h1'", at(8) }, 8 + 15.75 + 15.75},
		"kept by another home, and another one by now: the silence was the first one's": {func(r *trial) {
			r.read(func(is *Record) { h := *is.Holder; h.Home = "h2"; is.Holder = &h })
			r.s.Silent = at(8)
			r.read(func(is *Record) { h := *is.Holder; h.Home = "h3"; is.Holder = &h })
		}, 0},
		"moved here by a renewal": {func(r *trial) {
			r.read(func(is *Record) { h := *is.Holder; h.Home = "h2"; is.Holder = &h })
			r.at(9, renew("a", r.token()))
		}, 24.75},
		"come back to this home: it counts from when that was read": {func(r *trial) {
			r.read(func(is *Record) { h := *is.Holder; h.Home, h.Attempt = "h1", 7; is.Holder = &h })
			r.now = 9
			r.read(func(is *Record) { h := *is.Holder; h.Home, h.Attempt = "h1", 9; is.Holder = &h })
		}, 24.75},
		"granted by a write that was not heard of": {func(r *trial) {
			r.now = 3
			r.s.Record.Holder = nil
			r.read(func(is *Record) {
				is.Holder = &Holder{Request: ask("z").Request, Token: 7, TTL: 15 * time.Second, Home: "h1"}
			})
		}, 18.75},
	} {
		t.Run(name, func(t *testing.T) {
			r := &trial{t: t, s: fresh()}
			r.at(0, r.ask("a", 0))
			tc.do(r)
			held := r.holder()
			due, ok := r.s.Frees()
			if tc.want == 0 {
				if r.at(1e6).held(held); ok {
					t.Errorf("free at %v", due)
				}
				return
			}
			if !ok || due != at(tc.want) {
				t.Errorf("free at %v, %v; want %v", due.Sub(t0), ok, tc.want)
			}
			r.at(tc.want - 1e-6).held(held).at(tc.want).held("nobody")
			if r.s.Record.Last.Reason != Expired {
				t.Error(r.s.Record.Last)
			}
			if r.at(tc.want+1, release(held, 0), release(held, r.token())); !errors.Is(r.answers[1].Err, ErrLost) {
				t.Errorf("who releases it afterwards is told %v", r.answers[1].Err)
			}
		})
	}
}

func TestHomes(t *testing.T) {
	run(t, map[string]func(*trial){
		"a renewal brings the holder here": func(r *trial) {
			r.at(0, r.ask("a", 0)).read(foreign("h2", 0)).at(1, renew("a", r.token())).told(0, "a", nil)
			if h := r.s.Record.Holder; h.Home != "h1" || r.answers[0].Holder != h || !r.s.Keeps("a", h.Token) || r.writes != 2 {
				r.t.Errorf("%+v", h)
			}
		},
		"so does the request": func(r *trial) {
			r.at(0, r.ask("a", 0)).read(foreign("h2", 0)).at(1, r.ask("a", 1)).told(0, "a", nil)
			if h := r.s.Record.Holder; h.Home != "h1" || r.answers[0].Holder != h {
				r.t.Errorf("%+v", h)
			}
		},
		"so does a request that waits here, granted by another home before it came": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1).with(func(e *Ask) { e.Attempt = 3 }))
			r.read(func(is *Record) {
				is.Holder = &Holder{Request: ask("b").Request, Token: 200, TTL: time.Second, Home: "h2", Attempt: 2}
				is.Token = 200
			})
			r.at(4).told(-1, "b", nil).queue()
			if h := r.s.Record.Holder; h.Home != "h1" || h.Attempt != 3 || r.answers[0].Waited != 3*time.Second {
				r.t.Errorf("%+v, %+v", h, r.answers[0])
			}
		},
		"one that has gone on to another home stays there": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1).with(func(e *Ask) { e.Attempt = 2 }))
			r.read(func(is *Record) {
				is.Holder = &Holder{Request: ask("b").Request, Token: 200, TTL: time.Second, Home: "h2", Attempt: 3}
				is.Token = 200
			})
			r.at(4).told(-1, "b", ErrOvertaken).queue()
			if h := r.s.Record.Holder; h.Home != "h2" || h.Attempt != 3 {
				r.t.Errorf("%+v", h)
			}
		},
		"so does one whose stream here has ended": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1)).at(2, Leave{"b", 1})
			r.read(func(is *Record) {
				is.Holder = &Holder{Request: ask("b").Request, Token: 200, TTL: time.Second, Home: "h2"}
				is.Token = 200
			})
			r.at(4).silent().queue()
			if h := r.s.Record.Holder; h.Home != "h2" {
				r.t.Errorf("%+v", h)
			}
		},
		"what comes late moves nothing": func(r *trial) {
			r.at(0, r.ask("a", 0)).read(foreign("h2", 5))
			late := func(attempt int64) Renew { e := renew("a", r.token()); e.Attempt = attempt; return e }
			r.at(1, late(4), late(5), r.ask("a", 1).with(func(e *Ask) { e.Attempt = 4 })).told(0, "a", ErrOvertaken).told(1, "a", ErrOvertaken).told(2, "a", ErrOvertaken)
			if h := r.s.Record.Holder; h.Home != "h2" {
				r.t.Errorf("%+v", h)
			}
			r.at(2, late(6), late(6)).told(0, "a", nil).told(1, "a", nil)
			if h := r.s.Record.Holder; h.Home != "h1" || h.Attempt != 6 {
				r.t.Errorf("%+v", h)
			}
		},
		"a later attempt is noted where it is: what is on its way elsewhere is late then": func(r *trial) {
			e := renew("a", 100)
			e.Attempt = 4
			if r.at(0, r.ask("a", 0)).at(1, e); r.writes != 2 || r.s.Record.Holder.Attempt != 4 {
				r.t.Errorf("%+v", r.s.Record.Holder)
			}
		},
		"an earlier attempt does not take the place of a later one that waits": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1).with(func(e *Ask) { e.Attempt, e.Stream = 2, 2 }))
			r.at(2, r.ask("b", 2).with(func(e *Ask) { e.Attempt, e.Stream = 1, 9 })).told(0, "b", ErrOvertaken)
			r.at(3, release("a", r.token())).told(-1, "b", nil)
		},
		"nothing is granted before the holder of a lock that was deleted has stopped": func(r *trial) {
			r.s.NotBefore = at(20)
			r.at(0, r.ask("a", 0)).held("nobody")
			if due, ok := r.s.Due(); !ok || due != at(NoteAfter.Seconds()) {
				r.t.Errorf("due %v", due)
			}
			r.at(1)
			if due, ok := r.s.Due(); !ok || due != at(20) {
				r.t.Errorf("due %v", due)
			}
			r.at(19.9).held("nobody").at(20).held("a")
		},
	})
}

func TestAQueueThatAnotherHomeLeft(t *testing.T) {
	recorded := func(r *trial) {
		r.at(0, r.ask("a", 0))
		r.read(func(is *Record) {
			is.Waiters = []Waiter{{Request: ask("b").Request}, {Request: ask("c").Request}, {Request: ask("d").Request}}
			is.Waiting = 3
		})
	}
	run(t, map[string]func(*trial){
		"those of the record come before those who are here": func(r *trial) {
			r.at(0, r.ask("a", 0)).at(0.1, r.ask("x", 0.1), r.ask("c", 0.1))
			r.read(func(is *Record) {
				is.Waiters = []Waiter{{Request: ask("b").Request}, {Request: ask("c").Request}}
				is.Waiting = 2
			})
			r.queue("b", "c", "x")
		},
		"they have 10 s to come": func(r *trial) {
			recorded(r)
			r.at(1, r.ask("c", 1), r.ask("x", 1)).queue("b", "c", "d", "x").at(9.9).queue("b", "c", "d", "x").at(10).queue("c", "x").silent()
		},
		"who is away is passed over": func(r *trial) {
			recorded(r)
			r.at(1, r.ask("c", 1)).at(2, release("a", r.token())).held("c").queue("b", "d")
		},
		"who has lost its place does not get it back from the record": func(r *trial) {
			recorded(r)
			r.at(10).queue().read(func(*Record) {}).queue()
			r.at(10.5, r.ask("x", 10.5), r.ask("b", 10.5)).read(func(*Record) {}).queue("x", "b")
		},
		"who was taken off the record waits no more": func(r *trial) {
			recorded(r)
			r.at(1, r.ask("c", 1)).read(func(is *Record) { is.Waiters = is.Waiters[:1] }).queue("b", "c")
		},
		"a guest leaves them alone": func(r *trial) {
			recorded(r)
			r.s.Guest = true
			writes := r.writes
			r.at(1, r.ask("x", 1)).at(5).at(14).queue("b", "c", "d", "x")
			if due, _ := r.s.Due(); due != at(15.75) || r.writes != writes {
				r.t.Errorf("%d writes, due %v", r.writes-writes, due)
			}
		},
		"who was a guest gives them 10 s from then on": func(r *trial) {
			recorded(r)
			h := *r.s.Record.Holder
			h.Home = "h2"
			r.s.Record.Holder = &h
			r.s.Guest = true
			r.at(100).queue("b", "c", "d")
			r.s.Guest = false
			r.at(101).at(110.9).queue("b", "c", "d").at(111).queue()
		},
		"a guest's grant is of the holder and of nobody else": func(r *trial) {
			recorded(r)
			r.s.Guest = true
			r.at(1, r.ask("c", 1), release("a", r.token())).held("c")
			if is := r.s.Record; is.lists("c") || is.Waiting != 2 || !is.lists("b") {
				r.t.Error(is)
			}
		},
		"the record has the first eight": func(r *trial) {
			r.at(0, r.ask("a", 0))
			for i := range 10 {
				r.at(0.1, r.ask(fmt.Sprint("w", i), 0.1))
			}
			r.at(1.1)
			if is := r.s.Record; len(is.Waiters) != 8 || is.Waiters[7].ID != "w7" || is.Waiting != 10 {
				r.t.Error(is)
			}
			if r.at(2, release("a", r.token())).held("w0"); len(r.s.Record.Waiters) != 8 || r.s.Record.Waiters[7].ID != "w8" || r.writes != 3 {
				r.t.Error(r.s.Record, r.writes)
			}
		},
	})
}

// TestAWriteThatWasNotHeardOf: the events are dealt with again after the record was read, whether their write has landed or not.
func TestAWriteThatWasNotHeardOf(t *testing.T) {
	for name, events := range map[string][]Event{
		"a grant":                    {ask("b")},
		"a release":                  {release("a", 100)},
		"a release and a grant":      {ask("b"), release("a", 100)},
		"a cancel":                   {release("a", 0)},
		"a renewal":                  {Renew{ID: "a", Account: "acc", Token: 100, Attempt: 4}},
		"a request that is repeated": {ask("a").with(func(e *Ask) { e.Attempt = 4 })},
		"force":                      {Force{Token: 100, Forced: Forced{"boss", "why"}}},
	} {
		for _, landed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, landed: %v", name, landed), func(t *testing.T) {
				r := &trial{t: t, s: fresh()}
				r.at(0, r.ask("a", 0))
				before := r.s
				once, first := before.Next(events, at(1))
				is := before.Record
				if landed {
					is = stored(once.Record)
				}
				again, second := before.Read(is, before.Version+3, at(2)).Next(events, at(3))
				if len(first) != len(second) {
					t.Fatalf("answered %v, then %v", first, second)
				}
				for _, a := range first {
					if at := slices.IndexFunc(second, func(b Answer) bool { return b.Event == a.Event }); at < 0 || fmt.Sprint(second[at].Err) != fmt.Sprint(a.Err) {
						t.Errorf("answered %v, then %v", first, second)
					}
				}
				if a, b := once.Record.Holder, again.Record.Holder; (a == nil) != (b == nil) || a != nil && a.ID != b.ID {
					t.Errorf("%v, then %v", once.Record, again.Record)
				}
			})
		}
	}
}

func TestARecordIsTheSameWhenItComesBack(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 123456789, time.FixedZone("there", 3600))
	s, _ := fresh().Next([]Event{ask("a"), ask("b"), Force{Token: 100}}, now)
	s, _ = s.Next(nil, now.Add(2*time.Second))
	if is := s.Record; len(is.Waiters) != 1 || !is.Same(stored(is)) || !stored(is).Same(is) {
		t.Errorf("%+v is not the same as %+v", is, stored(is))
	}
	other := stored(s.Record)
	other.Waiters[0].ID = "c"
	if s.Record.Same(other) {
		t.Error("the same with another who waits")
	}
}

func TestWhatNextReturnsLeavesAlone(t *testing.T) {
	r := &trial{t: t, s: fresh()}
	r.at(0, r.ask("a", 0)).at(1, r.ask("b", 1), r.ask("c", 1))
	before := r.s
	one, _ := before.Next([]Event{release("a", r.token()), Leave{"c", 1}, release("x", 0)}, at(2))
	two, _ := before.Next([]Event{release("a", r.token()), release("y", 0), ask("d")}, at(2))
	x, y := ask("x").Request, ask("y").Request
	if before.holder() != "a" || !slices.Equal(ids(before), []string{"b", "c"}) || !one.hasEnded(x) || one.hasEnded(y) || !two.hasEnded(y) || two.hasEnded(x) {
		t.Errorf("%v, %v, %v", ids(before), ids(one), ids(two))
	}
	if !before.queue[1].present() || one.queue[0].present() {
		t.Error("who left is away in the state before, or is not in the one after")
	}
}

func (s State) holder() string {
	if s.Record.Holder == nil {
		return ""
	}
	return s.Record.Holder.ID
}

func ids(s State) (list []string) {
	for _, w := range s.Queue() {
		list = append(list, w.ID)
	}
	return list
}
