package api

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// audience are the subscribers of one pool.
type audience struct {
	size int
	// events is how many states they were told.
	events  atomic.Int64
	current atomic.Pointer[change]
	broken  chan error
}

func newAudience(size int) *audience { return &audience{size: size, broken: make(chan error, 1)} }

// end is told how a stream ended. None may before it is closed here.
func (a *audience) end(err error) {
	select {
	case a.broken <- err:
	default: // another one ended first
	}
}

// hear is what subscriber i calls with what it is told.
func (a *audience) hear(i int) func(*zenleadv1.LeaderState, time.Time) {
	return func(s *zenleadv1.LeaderState, at time.Time) {
		a.events.Add(1)
		if c := a.current.Load(); c != nil {
			c.hear(i, s.GetLeader().GetName(), at)
		}
	}
}

// change is one change of leader, from the moment at which its cause is sent.
type change struct {
	old  string
	sent time.Time
	// told is how long after it each subscriber was told of another leader than the old one; 0: not yet.
	told []atomic.Int64
	left atomic.Int64
	all  chan struct{}
	// next is whom the first was told of, and wrong how many were told of somebody else.
	next  atomic.Pointer[string]
	wrong atomic.Int64
}

// expect begins a change. It is for one goroutine.
func (a *audience) expect(old string) *change {
	c := &change{old: old, told: make([]atomic.Int64, a.size), all: make(chan struct{})}
	c.left.Store(int64(a.size))
	c.sent = time.Now()
	a.current.Store(c)
	return c
}

// hear is for one goroutine of each subscriber.
func (c *change) hear(i int, leader string, at time.Time) {
	if leader == "" || leader == c.old || c.told[i].Load() != 0 {
		return
	}
	if !c.next.CompareAndSwap(nil, &leader) && *c.next.Load() != leader {
		c.wrong.Add(1)
	}
	c.told[i].Store(int64(max(at.Sub(c.sent), 1)))
	if c.left.Add(-1) == 0 {
		close(c.all)
	}
}

// await waits until all subscribers were told, or nothing more is to be expected, and returns how many were not.
func (a *audience) await(ctx context.Context, c *change) (missed int, err error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.all:
		return 0, nil
	case <-timer.C:
		return int(c.left.Load()), nil
	case err := <-a.broken:
		return 0, fmt.Errorf("a stream ended: %w", err)
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// check fails where a subscriber was told of somebody else than the Lease names.
func (c *change) check(holder string) error {
	if next := c.next.Load(); next != nil && (*next != holder || c.wrong.Load() > 0) {
		return fmt.Errorf("the Lease names %s, subscribers were told of %s, %d of them of others", holder, *next, c.wrong.Load())
	}
	return nil
}

// latencies are those of the subscribers that were told, counted from a moment after the cause was sent.
func (c *change) latencies(from time.Duration) (all []time.Duration) {
	for i := range c.told {
		if d := c.told[i].Load(); d != 0 {
			all = append(all, time.Duration(d)-from)
		}
	}
	return all
}
