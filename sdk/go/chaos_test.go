package zenlead

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/sdk/go/internal/testserver"
)

// work is what a holder did, by its own account.
type work struct {
	token    int64
	from, to time.Time
}

// TestWorkOfTwoNeverOverlaps has programs take a lock from a server that loses and delays at random, on machines of which one clock stands still
// at times. What each does while it believes to hold the lock must lie within what the server granted.
func TestWorkOfTwoNeverOverlaps(t *testing.T) {
	const programs, rounds, most = 6, 15, 20 * time.Second
	eachLocked(t, calling(func(testserver.Call) error {
		switch rand.IntN(12) {
		case 0:
			return cut
		case 1:
			<-time.After(rand.N(most))
		case 2:
			<-time.After(rand.N(time.Second))
		case 3:
			return testserver.Error("Unknown", "ask again")
		}
		return nil
	}), func(w *lockWorld) {
		var mu sync.Mutex
		var done []work
		var all sync.WaitGroup
		for range programs {
			c, q := w.another(), &quartz{}
			c.shared.now = q.now
			all.Go(func() {
				for range rounds {
					ctx, cancel := context.WithTimeout(w.Context(), rand.N(2*time.Minute))
					began := time.Now()
					err := c.WithLock(ctx, "a", func(ctx context.Context, token int64) error {
						one := work{token: token, from: time.Now()}
						if rand.IntN(3) == 0 {
							q.jump(-rand.N(most), 0)
						}
						select {
						case <-time.After(rand.N(time.Minute)):
						case <-ctx.Done():
						}
						one.to = time.Now()
						mu.Lock()
						defer mu.Unlock()
						done = append(done, one)
						return nil
					})
					cancel()
					_ = err // that it did not get it, or lost it, is no news here
					if time.Since(began) > 5*time.Minute {
						w.Error("it took too long")
					}
				}
			})
		}
		all.Wait()
		pass(2 * most) // until the last handlers have ended
		granted := map[int64]testserver.Grant{}
		for _, g := range w.grants("a") {
			granted[g.Token] = g
		}
		for _, one := range done {
			g, ok := granted[one.token]
			if !ok || one.from.Before(g.From) || !g.To.IsZero() && one.to.After(g.To) {
				w.Errorf("worked from %v to %v, granted from %v to %v", one.from, one.to, g.From, g.To)
			}
		}
		if len(done) < programs {
			w.Errorf("there was no work but %v", done)
		}
		w.Logf("%d grants, of which %d came to work", len(granted), len(done))
	})
}
