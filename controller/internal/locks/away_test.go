package locks

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhoWaitsAtAReplicaThatDoesNotCountIsSentAway(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.has(t, "a")
		seat := r.Ask(t.Context(), report, wish("b", -1))
		<-time.After(2 * time.Second)
		r.self.set("h1", false)
		select {
		case got := <-seat.Answer:
			if !errors.Is(got.Err, ErrUnknown) {
				t.Errorf("%+v", got)
			}
		case <-time.After(sentAwayAfter + 2*lookEvery):
			t.Error("it waits")
		}
	})
}

func TestAWaitEndsAlsoWhileAWriteHangs(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.has(t, "a")
		r.w.takes.Store(int64(10 * time.Minute)) // that of who waits
		began := r.Now()
		seat := r.Ask(t.Context(), report, wish("b", 8*time.Second))
		if got := <-seat.Answer; !errors.Is(got.Err, ErrUnknown) || r.Now().Sub(began) > 8*time.Second+requestTimeout+2*lookEvery {
			t.Errorf("%+v after %v", got, r.Now().Sub(began))
		}
	})
}

func TestTheEndOfAStreamThatMeansNothingIsNotKept(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.has(t, "a")
		r.self.set("h1", false)
		for i := range 100 {
			seat := r.Ask(t.Context(), report, wish(fmt.Sprint("x", i), -1))
			if got := <-seat.Answer; !errors.Is(got.Err, ErrAway) {
				t.Fatalf("%+v", got)
			}
			seat.Leave(false)
			synctest.Wait()
		}
		d := r.desk(report)
		d.mu.Lock()
		defer d.mu.Unlock()
		if n := len(d.left); n != 0 {
			t.Errorf("%d are kept", n)
		}
	})
}
