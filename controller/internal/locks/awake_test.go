package locks

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kube-zen/zen-lead/core/lock"
)

// standsStill has the rig's clock go on by so much without anything that happens.
func (r *rig) standsStill(d time.Duration) {
	synctest.Wait()
	r.still.Add(int64(d))
}

func TestAReplicaThatStoodStillHasWhoAsksAskAgain(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		if err := r.Awake(); err != nil {
			t.Error(err)
		}
		for range 2 {
			r.standsStill(stoodStill + tickEvery)
			if err := r.Awake(); !errors.Is(err, ErrUnknown) {
				t.Errorf("when it goes on: %v", err)
			}
			<-time.After(wakesFor - time.Millisecond)
			if err := r.Awake(); !errors.Is(err, ErrUnknown) {
				t.Errorf("soon after: %v", err)
			}
			<-time.After(2 * time.Millisecond)
			if err := r.Awake(); err != nil {
				t.Errorf("later: %v", err)
			}
			<-time.After(time.Minute)
			if err := r.Awake(); err != nil {
				t.Errorf("a minute later: %v", err)
			}
		}
		r.standsStill(stoodStill - tickEvery - time.Millisecond)
		if err := r.Awake(); err != nil {
			t.Errorf("after a moment: %v", err)
		}
	})
}

// TestWhoWaitedWhileAReplicaStoodStillAsksAgain is of one that keeps its name.
func TestWhoWaitedWhileAReplicaStoodStillAsksAgain(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		a := r.has(t, "a")
		seat := r.Ask(t.Context(), report, wish("b", -1))
		<-time.After(2 * time.Second)
		r.standsStill(stoodStill + tickEvery)
		if err := r.Release(context.WithoutCancel(t.Context()), report, lock.Release{ID: "a", Account: "acc", Token: a.Token}); err != nil {
			t.Fatal(err)
		}
		if got := <-seat.Answer; !errors.Is(got.Err, ErrUnknown) {
			t.Errorf("%+v", got)
		}
		if s := r.w.status(); len(s.Holders) > 0 {
			t.Errorf("held by %s", s.Holders[0].RequestID)
		}
		if got := r.has(t, "b"); got.ID != "b" {
			t.Errorf("%+v", got)
		}
	})
}
