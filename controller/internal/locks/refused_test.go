package locks

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/lock"
)

func TestARefusalSaysNothingOfAWriteThatWasSentBefore(t *testing.T) {
	forbidden := func(context.Context, func() error) error {
		return apierrors.NewForbidden(resource, report.Name, errors.New("no"))
	}
	overloaded := func(context.Context, func() error) error { return apierrors.NewTooManyRequests("later", 1) }
	for name, refused := range map[string]func(context.Context, func() error) error{"forbidden": forbidden, "too many requests": overloaded} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, r *rig) {
				a := r.has(t, "a")
				b := r.Ask(t.Context(), report, wish("b", -1))
				<-time.After(2 * time.Second) // that it waits is written
				r.w.mu.Lock()
				r.w.way = append(r.w.way, lostReply, refused) // of the write by which a expires and b gets the lock
				r.w.mu.Unlock()
				<-time.After(lock.Wait(15*time.Second) - 1500*time.Millisecond)
				synctest.Wait()
				if s := r.w.status(); s.Holders[0].RequestID != "b" {
					t.Fatalf("%+v", s.Holders)
				}
				if r.Keep(report, lock.Renew{ID: "a", Account: "acc", Token: a.Token}, "h1") {
					t.Error("a is kept, and b holds the lock")
				}
				if got := <-b.Answer; got.Err != nil || got.Holder == nil {
					t.Errorf("b is told %+v", got)
				}
			})
		})
	}
}

func TestAConflictWithoutTheRecordSaysNothing(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.w.way = append(r.w.way, func(_ context.Context, do func() error) error {
			r.w.edit(t, taken)
			r.w.mu.Lock()
			r.w.unread = 1
			r.w.mu.Unlock()
			return do()
		})
		if got := <-r.Ask(t.Context(), report, wish("a", -1)).Answer; !errors.Is(got.Err, ErrUnknown) {
			t.Errorf("a is told %+v: another replica may have granted it to a", got)
		}
		if got := <-r.Ask(t.Context(), report, wish("b", 0)).Answer; !errors.Is(got.Err, lock.ErrHeld) {
			t.Errorf("b is told %+v", got)
		}
	})
}

func TestAConflictAndThenARefusalSayNothing(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		another := func(_ context.Context, do func() error) error {
			r.w.edit(t, func(s *v1alpha1.ManualLockStatus) { s.Token = 5000 })
			return do()
		}
		forbidden := func(context.Context, func() error) error {
			return apierrors.NewForbidden(resource, report.Name, errors.New("no"))
		}
		r.w.way = append(r.w.way, another, forbidden)
		if got := <-r.Ask(t.Context(), report, wish("a", -1)).Answer; !errors.Is(got.Err, ErrUnknown) {
			t.Errorf("a is told %+v", got)
		}
	})
}
