package lock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// patience is how long a lock may take to change hands until the benchmark gives up.
const patience = 60 * time.Second

// mutex is a lock as one contender has it.
type mutex interface {
	Lock(ctx context.Context) error
	Unlock(ctx context.Context) error
}

// crowd is all who contend for one lock, each as soon as it has given it up. It is for one goroutine.
type crowd struct {
	gate   *gate
	ctx    context.Context // ends when one of them fails
	cancel context.CancelFunc
	group  *errgroup.Group
}

// gather has a crowd stand in line behind a closed gate.
func gather(ctx context.Context, all []mutex) (*crowd, error) {
	c := &crowd{gate: newGate()}
	ctx, c.cancel = context.WithCancel(ctx)
	c.group, c.ctx = errgroup.WithContext(ctx)
	for i, m := range all {
		c.group.Go(func() error { return c.contend(i, m) })
	}
	if err := c.gate.await(c.ctx); err != nil {
		return nil, errors.Join(err, c.leave())
	}
	return c, nil
}

func (c *crowd) contend(n int, m mutex) error {
	for {
		if err := m.Lock(c.ctx); err != nil {
			return fmt.Errorf("contender %d: %w", n, err)
		}
		if err := c.gate.pass(c.ctx, n); err != nil {
			return errors.Join(err, m.Unlock(context.WithoutCancel(c.ctx)))
		}
		if err := m.Unlock(c.ctx); err != nil {
			return fmt.Errorf("contender %d: %w", n, err)
		}
	}
}

// turn has the lock go from hand to hand for a while, and returns how often it did in a second.
func (c *crowd) turn(length time.Duration) (perSecond float64, err error) {
	n, took, err := c.gate.let(c.ctx, warmUp, length)
	return ratio(float64(n), took.Seconds()), err
}

// leave has all of them go, and says why one of them has failed before.
func (c *crowd) leave() error {
	failed := c.ctx.Err() != nil
	c.cancel()
	if err := c.group.Wait(); failed {
		return err
	}
	return nil
}
