package load

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// taking is answered after a while.
func taking(d time.Duration) Ask {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestAnswersOfTheWarmUpAreNotMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Two callers are answered after 9, 18, ..., 99, 108 ms and so on, a third after 250 and 500 ms.
		s, err := Closed(t.Context(), []Ask{taking(9 * time.Millisecond), taking(9 * time.Millisecond), taking(250 * time.Millisecond)},
			100*time.Millisecond, 400*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		const each, before = 500 / 9, 100 / 9 // answers within 500 and within 100 ms
		if got, want := len(s.Latencies), 2*(each-before)+1; got != want {
			t.Errorf("%d answers measured, want %d: that at 500 ms is too late", got, want)
		}
		if got, want := s.Answers, 2*(each+1)+2; got != want {
			t.Errorf("%d answers, want %d: what was asked is waited for", got, want)
		}
		if got, want := s.PerSecond(), float64(2*(each-before)+1)/0.4; got != want {
			t.Errorf("%v a second, want %v", got, want)
		}
		for _, l := range s.Latencies {
			if l != 9*time.Millisecond && l != 250*time.Millisecond {
				t.Errorf("a latency of %v", l)
			}
		}
	})
}

func TestACallerThatIsRefusedEndsTheSlice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("refused")
		began := time.Now()
		_, err := Closed(t.Context(), []Ask{taking(time.Hour), func(context.Context) error { return refused }}, 0, time.Minute)
		if !errors.Is(err, refused) || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}
