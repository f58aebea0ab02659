package lock

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheGateCountsWhoPassesWhileItIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		g := newGate()
		ended := make(chan error)
		go func() { // a lock that takes 10 ms from hand to hand
			var err error
			for n := 0; err == nil; n++ {
				_ = pause(context.WithoutCancel(ctx), 10*time.Millisecond)
				err = g.pass(ctx, n%2)
			}
			ended <- err
		}()
		if err := g.await(ctx); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			_ = pause(ctx, time.Second) // others have their turn
			passed, took, err := g.let(ctx, 205*time.Millisecond, time.Second)
			if err != nil || took != time.Second || passed != 100 {
				t.Errorf("%d passed in %v (%v), want 100 in 1 s", passed, took, err)
			}
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestTheGateNoticesASecondHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		g := newGate()
		go func() { _ = g.pass(ctx, 1) }()
		synctest.Wait()
		if err := g.pass(ctx, 2); !errors.Is(err, errTwoHolders) {
			t.Errorf("%v, want that two hold it", err)
		}
	})
}
