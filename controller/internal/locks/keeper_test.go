package locks

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/lock"
)

func in(t *testing.T, f func(t *testing.T, r *rig)) {
	synctest.Test(t, func(t *testing.T) { f(t, newRig(t)) })
}

func TestAHandOverIsOneWrite(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		a := r.has(t, "a")
		b := r.Ask(t.Context(), report, wish("b", -1))
		if p := <-b.Places; p.Number != 1 || p.Holder != "a" {
			t.Errorf("place %+v", p)
		}
		before := r.w.writes
		if err := r.Release(t.Context(), report, lock.Release{ID: "a", Account: "acc", Token: a.Token}); err != nil {
			t.Fatal(err)
		}
		got := <-b.Answer
		if got.Err != nil || got.Holder.Token <= a.Token || r.w.writes != before+1 {
			t.Errorf("%+v after %d writes", got, r.w.writes-before)
		}
	})
}

func TestWhatComesWhileAWriteIsUnderWayIsOneWriteMore(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		a := r.has(t, "a")
		r.w.takes.Store(int64(50 * time.Millisecond))
		before := r.w.writes
		go func() { _ = r.Release(t.Context(), report, lock.Release{ID: "a", Account: "acc", Token: a.Token}) }()
		synctest.Wait()
		seats := map[string]*Seat{}
		for _, id := range []string{"b", "c", "d"} {
			seats[id] = r.Ask(t.Context(), report, wish(id, -1))
		}
		if got := <-seats["b"].Answer; got.Err != nil {
			t.Error(got.Err)
		}
		if n := r.w.writes - before; n != 2 {
			t.Errorf("%d writes, want the release, and the grant to the first of three", n)
		}
	})
}

func TestAWriteWhoseOutcomeIsNotKnownIsSettled(t *testing.T) {
	for name, way := range map[string]func(context.Context, func() error) error{
		"the reply is lost":                               lostReply,
		"the request is lost":                             lostRequest,
		"the request lands after it was sent again":       late(3 * time.Second),
		"the request lands before it is sent again":       late(10 * time.Millisecond),
		"the request lands long after the lock has moved": late(time.Minute),
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, r *rig) {
				r.w.way = append(r.w.way, way)
				a := r.has(t, "a")
				if s := r.w.status(); len(s.Holders) != 1 || s.Holders[0].RequestID != "a" || s.Holders[0].Token != a.Token {
					t.Fatalf("the answer was %+v, and the record is %+v", a, s)
				}
				b := r.Ask(t.Context(), report, wish("b", -1))
				if err := r.Release(t.Context(), report, lock.Release{ID: "a", Account: "acc", Token: a.Token}); err != nil {
					t.Fatal(err)
				}
				got := <-b.Answer
				<-time.After(2 * time.Minute)
				if got.Holder.Token <= a.Token || r.w.status().Token != got.Holder.Token {
					t.Errorf("b has %+v, and the record is %+v", got.Holder, r.w.status())
				}
			})
		})
	}
}

func TestACancelThatLosesAgainstItsGrantReleases(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.w.takes.Store(int64(50 * time.Millisecond))
		seat := r.Ask(t.Context(), report, wish("a", -1)) // the caller writes
		if got := <-seat.Answer; got.Err != nil {
			t.Fatal(got.Err)
		}
		if err := r.Release(t.Context(), report, lock.Release{ID: "a", Account: "acc"}); err != nil {
			t.Fatal(err)
		}
		if s := r.w.status(); len(s.Holders) != 0 {
			t.Errorf("%+v", s.Holders)
		}
	})
}

func TestAConflictIsReadOnceAndDecidedAnew(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.w.edit(t, func(s *v1alpha1.ManualLockStatus) { // another home has granted it; the watch has not told yet
			s.Token = 5000
			s.Holders = []v1alpha1.LockHolder{{RequestID: "x", Owner: "x", Account: "acc", Token: 5000, TTLSeconds: 15, Home: "h2"}}
		})
		reads := r.w.reads
		got := <-r.Ask(t.Context(), report, wish("a", 0)).Answer
		if !errors.Is(got.Err, lock.ErrHeld) || r.w.reads != reads+1 {
			t.Errorf("%v after %d reads", got.Err, r.w.reads-reads)
		}
	})
}

func TestAReleaseIsAnsweredByTheRecordAndNotByMemory(t *testing.T) {
	for name, token := range map[string]int64{"with its token": 5000, "whatever has become of it": 0} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, r *rig) {
				r.has(t, "a")
				r.w.edit(t, func(s *v1alpha1.ManualLockStatus) { // another home has granted it; the watch has not told yet
					s.Token = 5000
					s.Holders = []v1alpha1.LockHolder{{RequestID: "x", Owner: "x", Account: "acc", Token: 5000, TTLSeconds: 15, Home: "h2"}}
				})
				err := r.Release(t.Context(), report, lock.Release{ID: "x", Account: "acc", Token: token, Settle: true})
				if s := r.w.status(); err != nil || len(s.Holders) != 0 {
					t.Errorf("%v, and the record is %+v", err, s)
				}
			})
		})
	}
}

func TestWhatTheWatchBringsMeanwhileIsNotForgotten(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.w.edit(t, func(s *v1alpha1.ManualLockStatus) {
			s.Token = 5000
			s.Holders = []v1alpha1.LockHolder{{RequestID: "x", Owner: "x", Account: "acc", Token: 5000, TTLSeconds: 15, Home: "h2"}}
		})
		seat := r.Ask(t.Context(), report, wish("a", -1))
		<-time.After(5 * time.Second)
		r.w.answered = func() {
			r.w.edit(t, func(s *v1alpha1.ManualLockStatus) { s.Holders = nil })
			r.saw(r.w.objects[report].DeepCopy())
		}
		_, _ = r.Renew(t.Context(), report, lock.Renew{ID: "z", Account: "acc", Token: 1})
		select {
		case a := <-seat.Answer:
			if a.Err != nil {
				t.Error(a.Err)
			}
		case <-time.After(10 * time.Second):
			t.Error("the lock is free, and who waits is not told")
		}
	})
}

func TestNothingIsToldByATermThatEndedWhileTheRecordWasRead(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.has(t, "a")
		r.w.answered = func() { r.self.set("h1", false) }
		if a := <-r.Ask(t.Context(), report, wish("a", -1)).Answer; !errors.Is(a.Err, ErrAway) {
			t.Errorf("%+v", a)
		}
	})
}

func TestWhoWaitsIsSentToTheHomeOnceThatIsAnother(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.has(t, "a")
		seat := r.Ask(t.Context(), report, wish("b", -1))
		r.self.mu.Lock()
		r.self.home = "h2"
		r.self.mu.Unlock()
		select {
		case a := <-seat.Answer:
			if !errors.Is(a.Err, ErrUnknown) {
				t.Errorf("%+v", a)
			}
		case <-time.After(7 * time.Second):
			t.Error("who waits here waits for as long as anybody waits there")
		}
	})
}

func TestWhoWaitsIsWrittenDownOnceThisIsTheHome(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.has(t, "a")
		r.self.mu.Lock()
		r.self.home = "h2" // which has died, and counts for a while
		r.self.mu.Unlock()
		seat := r.Ask(t.Context(), report, wish("b", -1))
		<-time.After(3 * time.Second)
		if n := r.w.status().Waiting; n != nil && *n != 0 {
			t.Errorf("%d wait, says who is not the home", *n)
		}
		r.self.mu.Lock()
		r.self.home = ""
		r.self.mu.Unlock()
		<-time.After(3 * time.Second)
		if n := r.w.status().Waiting; n == nil || *n != 1 {
			t.Errorf("nobody waits, says the home: %v", n)
		}
		seat.Leave(false)
	})
}

func TestARenewalIsHeardFromMemoryAlone(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		a := r.has(t, "a")
		writes, reads := r.w.writes, r.w.reads
		renew := lock.Renew{ID: "a", Account: "acc", Token: a.Token}
		for range 20 {
			<-time.After(5 * time.Second)
			if !r.Keep(report, renew, "h1") {
				t.Fatal("not kept")
			}
		}
		if r.w.writes != writes || r.w.reads != reads {
			t.Errorf("%d writes and %d reads for renewals", r.w.writes-writes, r.w.reads-reads)
		}
		for what, kept := range map[string]bool{
			"a holder that does not know its home": r.Keep(report, renew, ""),
			"one that knows another":               r.Keep(report, renew, "h2"),
			"an older token":                       r.Keep(report, lock.Renew{ID: "a", Account: "acc", Token: a.Token - 1}, "h1"),
			"another account":                      r.Keep(report, lock.Renew{ID: "a", Account: "eve", Token: a.Token}, "h1"),
		} {
			if kept {
				t.Errorf("kept from memory: %s", what)
			}
		}
		r.self.set("h1", false)
		if r.Keep(report, renew, "h1") {
			t.Error("kept by a replica whose own term has ended")
		}
	})
}

func TestARenewalThatComesWhileTheHoldersEndIsWrittenIsNotAcknowledged(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		a := r.has(t, "a")
		r.w.takes.Store(int64(100 * time.Millisecond))
		<-time.After(15*time.Second + 760*time.Millisecond) // the end is being written
		synctest.Wait()
		if r.Keep(report, lock.Renew{ID: "a", Account: "acc", Token: a.Token}, "h1") {
			t.Fatal("acknowledged")
		}
		_, err := r.Renew(t.Context(), report, lock.Renew{ID: "a", Account: "acc", Token: a.Token})
		if !errors.Is(err, lock.ErrLost) {
			t.Errorf("%v", err)
		}
	})
}

func TestAHolderExpiresWhenItsTimeHasPassedAndNotBefore(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		a := r.has(t, "a")
		b := r.Ask(t.Context(), report, wish("b", -1))
		<-time.After(10 * time.Second)
		r.Keep(report, lock.Renew{ID: "a", Account: "acc", Token: a.Token}, "h1")
		heard := time.Now()
		<-b.Answer
		if after := time.Since(heard); after < lock.Wait(15*time.Second) || after > lock.Wait(15*time.Second)+100*time.Millisecond {
			t.Errorf("granted %s after the last renewal", after)
		}
	})
}

func TestTheHolderOfAnotherHome(t *testing.T) {
	held := func(s *v1alpha1.ManualLockStatus) {
		s.Token = 5000
		s.Holders = []v1alpha1.LockHolder{{RequestID: "x", Owner: "x", Account: "acc", Token: 5000, TTLSeconds: 15, Home: "h2"}}
	}
	t.Run("does not expire while its home may live", func(t *testing.T) {
		in(t, func(t *testing.T, r *rig) {
			r.w.edit(t, held)
			got := <-r.Ask(t.Context(), report, wish("a", time.Hour)).Answer
			if !errors.Is(got.Err, lock.ErrHeld) {
				t.Errorf("%+v", got)
			}
		})
	})
	t.Run("expires once its home was silent for its term, and then its ttl", func(t *testing.T) {
		in(t, func(t *testing.T, r *rig) {
			r.w.edit(t, held)
			since := time.Now()
			seat := r.Ask(t.Context(), report, wish("a", -1))
			<-time.After(16 * time.Second)
			r.self.mu.Lock()
			r.self.silent["h2"] = since
			r.self.mu.Unlock()
			r.saw(r.w.objects[report].DeepCopy()) // the watch has told
			<-seat.Answer
			least := 2 * lock.Wait(15*time.Second)
			if after := time.Since(since); after < least || after > least+2*time.Second {
				t.Errorf("granted %s after its home was last seen to change, want %s", after, least)
			}
		})
	})
	t.Run("comes here with its request and token, by one write", func(t *testing.T) {
		in(t, func(t *testing.T, r *rig) {
			r.w.edit(t, held)
			home, err := r.Renew(t.Context(), report, lock.Renew{ID: "x", Account: "acc", Token: 5000})
			if err != nil || home != "h1" || r.w.status().Holders[0].Home != "h1" || r.w.status().Token != 5000 {
				t.Errorf("%s, %v, %+v", home, err, r.w.status())
			}
			if !r.Keep(report, lock.Renew{ID: "x", Account: "acc", Token: 5000}, "h1") {
				t.Error("not kept here then")
			}
		})
	})
}

func TestAReplicaWhoseTermEndedGrantsNothing(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		a := r.has(t, "a")
		r.self.set("h1", false)
		if got := <-r.Ask(t.Context(), report, wish("b", -1)).Answer; !errors.Is(got.Err, ErrAway) {
			t.Errorf("%+v", got)
		}
		r.self.set("h1.2", true) // another term: what was kept in the old one is not
		if r.Keep(report, lock.Renew{ID: "a", Account: "acc", Token: a.Token}, "h1") {
			t.Error("kept by a name that does not count any more")
		}
		home, err := r.Renew(t.Context(), report, lock.Renew{ID: "a", Account: "acc", Token: a.Token})
		if err != nil || home != "h1.2" {
			t.Errorf("%s, %v", home, err)
		}
	})
}

func TestALockThatIsDeletedWhileItIsHeld(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		a := r.has(t, "a")
		waits := r.Ask(t.Context(), report, wish("b", -1))
		r.w.mu.Lock()
		gone := r.w.objects[report]
		delete(r.w.objects, report)
		r.w.mu.Unlock()
		deleted := time.Now()
		r.lost(gone)
		if got := <-waits.Answer; !errors.Is(got.Err, ErrGone) {
			t.Errorf("who waits is told %v", got.Err)
		}
		again := gone.DeepCopy()
		again.UID, again.ResourceVersion, again.Status = "u2", "900", v1alpha1.ManualLockStatus{}
		r.w.mu.Lock()
		r.w.version, r.w.objects[report] = 900, again
		r.w.mu.Unlock()
		r.saw(again.DeepCopy())
		b := r.has(t, "b2")
		if after := time.Since(deleted); after < 15*time.Second {
			t.Errorf("granted %s after it was deleted: its holder may go on for its ttl", after)
		}
		if b.Token <= a.Token {
			t.Errorf("token %d after %d", b.Token, a.Token)
		}
	})
}

func TestAForcedReleaseWaitsForTheHolderUnlessTold(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		a := r.has(t, "a")
		b := r.Ask(t.Context(), report, wish("b", -1))
		began := time.Now()
		free, err := r.Force(t.Context(), report, lock.Force{Token: a.Token, Forced: lock.Forced{By: "op", Reason: "stuck"}})
		if err != nil || free <= 0 || free > lock.Wait(15*time.Second) {
			t.Fatalf("%s, %v", free, err)
		}
		if r.Keep(report, lock.Renew{ID: "a", Account: "acc", Token: a.Token}, "h1") {
			t.Error("a holder that is made to go is kept")
		}
		got := <-b.Answer
		if after := time.Since(began); after < 15*time.Second {
			t.Errorf("granted after %s", after)
		}
		now := time.Now()
		if _, err := r.Force(t.Context(), report, lock.Force{Token: a.Token, Forced: lock.Forced{By: "op", Reason: "x"}, Now: true}); !errors.Is(err, lock.ErrLost) {
			t.Errorf("an older token takes the lock from a newer holder: %v", err)
		}
		c := r.Ask(t.Context(), report, wish("c", -1))
		if _, err := r.Force(t.Context(), report, lock.Force{Token: got.Holder.Token, Forced: lock.Forced{By: "op", Reason: "x"}, Now: true}); err != nil {
			t.Fatal(err)
		}
		if got := <-c.Answer; got.Err != nil || time.Since(now) > time.Second {
			t.Errorf("%+v after %s", got, time.Since(now))
		}
	})
}

func TestTenThousandHoldersThatAreNotHeardOfAreFreeAtOnceForWhoAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		names := make([]types.NamespacedName, 10_000)
		r.w.mu.Lock()
		for i := range names {
			names[i] = types.NamespacedName{Namespace: "many", Name: "l" + time.Duration(i).String()}
			o := r.w.objects[report].DeepCopy()
			o.Namespace, o.Name = names[i].Namespace, names[i].Name
			r.w.objects[names[i]] = o
		}
		r.w.mu.Unlock()
		for _, n := range names {
			if a := <-r.Ask(t.Context(), n, wish("a", 0)).Answer; a.Err != nil {
				t.Fatal(a.Err)
			}
		}
		r.w.takes.Store(int64(10 * time.Millisecond))
		<-time.After(lock.Wait(15 * time.Second))
		began := time.Now()
		for _, n := range names[len(names)-100:] {
			if a := <-r.Ask(t.Context(), n, wish("b", 0)).Answer; a.Err != nil {
				t.Fatalf("%v", a.Err)
			}
		}
		if took := time.Since(began); took > 100*3*10*time.Millisecond {
			t.Errorf("a hundred of them took %s", took)
		}
	})
}

func TestWhatIsReleasedWasGrantedByAnotherHomeOfWhichTheWatchHasNotTold(t *testing.T) {
	for name, token := range map[string]int64{"by its token": 5000, "whatever has become of it": 0} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, r *rig) {
				r.w.edit(t, func(s *v1alpha1.ManualLockStatus) {
					s.Token = 5000
					s.Holders = []v1alpha1.LockHolder{{RequestID: "x", Owner: "x", Account: "acc", Token: 5000, TTLSeconds: 15, Home: "h2"}}
				})
				if err := r.Release(t.Context(), report, lock.Release{ID: "x", Account: "acc", Token: token, Settle: true}); err != nil {
					t.Error(err)
				}
				if s := r.w.status(); len(s.Holders) != 0 {
					t.Errorf("%+v", s.Holders)
				}
			})
		})
	}
}

func TestAGrantOfADeadHomeFailsOnceItsRequestWasGivenUp(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		late := r.w.objects[report].DeepCopy()
		late.Status.Token = 5000
		late.Status.Holders = []v1alpha1.LockHolder{{RequestID: "x", Account: "acc", Token: 5000, TTLSeconds: 15, Home: "h2"}}
		for range 2 {
			if err := r.Release(t.Context(), report, lock.Release{ID: "x", Account: "acc", Settle: true}); err != nil {
				t.Fatal(err)
			}
		}
		if r.w.put(late) == nil {
			t.Error("it holds the lock, and nobody knows")
		}
		if r.w.writes != 1 {
			t.Errorf("%d writes", r.w.writes)
		}
	})
}
