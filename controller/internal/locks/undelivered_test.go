package locks

import (
	"context"
	"testing"
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
				writes := r.w.writes
				r.w.takes.Store(int64(write))
				go func() {
					_ = r.Release(context.WithoutCancel(t.Context()), report, lock.Release{ID: "a", Account: "acc", Token: a.Token})
				}()
				tc.leave(b)
				<-time.After(2 * write)
				s := r.w.status()
				if tc.next == "" {
					if n := r.w.writes - writes; s.Holders[0].RequestID != "b" || n != 1 {
						t.Fatalf("%d writes, held by %s", n, s.Holders[0].RequestID)
					}
					return
				}
				got := <-c.Answer
				if n := r.w.writes - writes; got.Err != nil || got.Holder.ID != tc.next || n != 2 {
					t.Fatalf("%d writes, %+v", n, got)
				}
				if s.LastTransition.Reason != v1alpha1.LockUndelivered || s.Waiters[0].RequestID != "b" {
					t.Errorf("%+v, %+v", s.LastTransition, s.Waiters)
				}
			})
		})
	}
}
