package pools

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kube-zen/zen-lead/test/bench"
	"github.com/kube-zen/zen-lead/test/bench/audit"
)

// surge is what was seen when all pools lost their leaders at once.
type surge struct {
	// begin is just before the first deletion was sent.
	begin time.Time
	moves []move
	// asked is what whoever moved the pools asked for.
	asked audit.Count
}

// surge deletes the leaders of all our pools, as fast as the API server takes it, and waits until everything that follows
// has been seen in each. Whatever meanwhile does, it does at the same time.
func (r *rig) surge(ctx context.Context, o *observer, pools int, what string, meanwhile func(context.Context) error) (surge, error) {
	o.look()
	traces := make(map[pool]*trace, pools)
	leaders := make([]string, pools)
	for n := range pools {
		p := pool{ours, poolName(n)}
		leader, ok := o.leader[p]
		if !ok {
			return surge{}, fmt.Errorf("pool %v has no leader to lose", p)
		}
		traces[p], leaders[n] = newTrace(p, deleted, leader), leader.pod
	}
	told := bench.NewProgress(r.progress, what, pools)
	s := surge{begin: time.Now()}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		return inParallel(ctx, pools, func(ctx context.Context, n int) error {
			return r.population.kill(ctx, ours, leaders[n])
		}, func(int) {})
	})
	both.Go(func() error { return meanwhile(ctx) })
	var broken error
	err := o.await(ctx, patience, func(seen sighting) bool {
		t := traces[seen.pool]
		if t == nil || !t.take(seen) {
			return false
		}
		delete(traces, seen.pool)
		m, err := t.move()
		if err != nil {
			broken = err
			return true
		}
		s.moves = append(s.moves, m)
		told.Step(len(s.moves))
		return len(traces) == 0
	})
	if err == nil {
		err = broken
	}
	if err != nil {
		return surge{}, fmt.Errorf("%s: %d pools are not over it: %w", what, len(traces), err)
	}
	return s, both.Wait()
}

// seconds returns how long it took from the first deletion sent until the last of all writes was seen.
func (s *surge) seconds() time.Duration {
	return s.last(func(m move) time.Duration { return max(m.lease, m.slice, m.role, m.status, m.gone) })
}

// untilLost returns how long it took until the last loss was seen: the deletions take their share of the API server.
func (s *surge) untilLost() time.Duration { return s.last(func(move) time.Duration { return 0 }) }

// untilLed returns how long it took until the last slice named a successor.
func (s *surge) untilLed() time.Duration { return s.last(toSlice) }

func (s *surge) last(of func(move) time.Duration) (latest time.Duration) {
	for _, m := range s.moves {
		latest = max(latest, m.lost.Add(of(m)).Sub(s.begin))
	}
	return latest
}
