package locks

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/lock"
)

// TestAGrantThatIsNotHeardOfGoesToTheNext is of b, for which a waits, and c after it.
func TestAGrantThatIsNotHeardOfGoesToTheNext(t *testing.T) {
	const write = 100 * time.Millisecond
	for name, tc := range map[string]struct {
		leave func(b *Seat)
		next  string
	}{
		"left while it was written":     {func(b *Seat) { <-time.After(write / 2); b.Leave(false) }, "c"},
		"left with the answer unread":   {func(b *Seat) { <-time.After(2 * write); b.Leave(false) }, "c"},
		"left when the answer was told": {func(b *Seat) { <-b.Answer; b.Leave(true) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, r *rig) {
				a := r.has(t, "a")
				b, c := r.Ask(t.Context(), report, wish("b", -1)), r.Ask(t.Context(), report, wish("c", -1))
				<-time.After(2 * time.Second) // their places are written
				writes := r.w.written()
				r.w.takes.Store(int64(write))
				go func() {
					_ = r.Release(context.WithoutCancel(t.Context()), report, lock.Release{ID: "a", Account: "acc", Token: a.Token})
				}()
				tc.leave(b)
				<-time.After(2 * write)
				s := r.w.status()
				if tc.next == "" {
					if n := r.w.written() - writes; s.Holders[0].RequestID != "b" || n != 1 {
						t.Fatalf("%d writes, held by %s", n, s.Holders[0].RequestID)
					}
					return
				}
				got := <-c.Answer
				if n := r.w.written() - writes; got.Err != nil || got.Holder.ID != tc.next || n != 2 {
					t.Fatalf("%d writes, %+v", n, got)
				}
				if s.LastTransition.Reason != v1alpha1.LockUndelivered || s.Waiters[0].RequestID != "b" {
					t.Errorf("%+v, %+v", s.LastTransition, s.Waiters)
				}
			})
		})
	}
}

// TestWhoLeftWhileThisReplicaDidNotCountIsGrantedNothing is of a replica that stood still: who waited here has had the lock elsewhere.
func TestWhoLeftWhileThisReplicaDidNotCountIsGrantedNothing(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.has(t, "a")
		b := r.Ask(t.Context(), report, wish("b", -1))
		<-time.After(2 * time.Second)
		r.self.set("h1", false)
		b.Leave(false)
		synctest.Wait()
		r.self.set("h1.2", true)
		r.w.edit(t, func(s *v1alpha1.ManualLockStatus) { s.Holders, s.Waiters = nil, nil })
		r.saw(r.w.objects[report].DeepCopy())
		<-time.After(3 * time.Second)
		if s := r.w.status(); len(s.Holders) > 0 {
			t.Errorf("held by %s", s.Holders[0].RequestID)
		}
	})
}

func TestALateOrForeignRequestTakesNoSeat(t *testing.T) {
	for name, w := range map[string]Wish{
		"late":    {Request: lock.Request{ID: "b", Owner: "b", Account: "acc"}, Attempt: 1, TTL: 15 * time.Second, Wait: -1},
		"foreign": {Request: lock.Request{ID: "b", Owner: "b", Account: "evil"}, Attempt: 3, TTL: 15 * time.Second, Wait: -1},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, r *rig) {
				a := r.has(t, "a")
				live := wish("b", -1)
				live.Attempt = 2
				seat := r.Ask(t.Context(), report, live)
				late := r.Ask(t.Context(), report, w)
				if got := <-late.Answer; got.Err == nil {
					t.Fatal("it waits")
				}
				late.Leave(false)
				if err := r.Release(t.Context(), report, lock.Release{ID: "a", Account: "acc", Token: a.Token}); err != nil {
					t.Fatal(err)
				}
				if got := <-seat.Answer; got.Err != nil || got.Holder == nil {
					t.Errorf("%+v", got)
				}
			})
		})
	}
}

// TestWhoWaitsIsAskedWhetherItIsThere by a replica that has another name, as it stood still: its clients may be gone.
func TestWhoWaitsIsAskedWhetherItIsThere(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.has(t, "a")
		b := r.Ask(t.Context(), report, wish("b", -1))
		c := r.Ask(t.Context(), report, wish("c", -1))
		<-time.After(2 * time.Second)
		r.self.set("h1.2", true)
		r.w.edit(t, func(s *v1alpha1.ManualLockStatus) { s.Holders = nil })
		r.saw(r.w.objects[report].DeepCopy())
		for _, s := range []*Seat{b, c} {
			if got := <-s.Answer; !errors.Is(got.Err, ErrUnknown) {
				t.Fatalf("%+v", got)
			}
			s.Leave(false)
		}
		synctest.Wait()
		if s := r.w.status(); len(s.Holders) > 0 {
			t.Fatalf("held by %s", s.Holders[0].RequestID)
		}
		if got := <-r.Ask(t.Context(), report, wish("c", -1)).Answer; got.Err != nil || got.Holder.Home != "h1.2" {
			t.Errorf("%+v", got)
		}
	})
}

// TestWhatWasAskedBeforeAReplicaStoodStillIsNotGrantedAfter is of a grant whose answer did not come: b has had the lock meanwhile, and released
// it elsewhere.
func TestWhatWasAskedBeforeAReplicaStoodStillIsNotGrantedAfter(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.w.way = append(r.w.way, func(_ context.Context, do func() error) error {
			_ = do()
			r.w.edit(t, func(s *v1alpha1.ManualLockStatus) { s.Holders = nil })
			r.self.set("h1.2", true)
			return context.DeadlineExceeded
		})
		if got := <-r.Ask(t.Context(), report, wish("b", -1)).Answer; !errors.Is(got.Err, ErrUnknown) {
			t.Errorf("%+v", got)
		}
		synctest.Wait()
		if s := r.w.status(); len(s.Holders) > 0 {
			t.Errorf("held by %s", s.Holders[0].RequestID)
		}
	})
}
