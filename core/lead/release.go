package lead

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// empty replaces a version of the Lease by one without holder, and if it was replaced meanwhile by a late write of this process,
// that one. It tries for as long as others would wait for the record anyway.
func (c *contender) empty(ctx context.Context, judged *kube.Lease, d term.Durations) error {
	start := c.clock.now()
	for {
		later, err := c.emptyOnce(ctx, judged, d)
		switch {
		case err == nil && later == nil, errors.Is(err, kube.ErrMissing):
			return nil
		case err == nil:
			judged = later
			continue
		case c.clock.now().Since(start) > term.Wait(d.Lease):
			return fmt.Errorf("give up the Lease: %w", err)
		}
		c.log.Warn("The Lease could not be given up; trying again", "error", err)
		c.sleep(ctx, d.Retry/4)
	}
}

// emptyOnce tries once. It returns a later version of the Lease that names this process, if it finds one instead.
func (c *contender) emptyOnce(ctx context.Context, judged *kube.Lease, d term.Durations) (later *kube.Lease, err error) {
	a := c.attempt(judged, judged.Record.Empty(), d)
	if a.record.Successor == c.self.Identity {
		a.record.Successor = ""
	}
	if _, err = c.put(ctx, a, d.RequestTimeout()); errors.Is(err, kube.ErrChanged) {
		return c.ours(ctx, d)
	}
	return nil, err
}

// ours reads the Lease and returns it if it names this process, else nil.
func (c *contender) ours(ctx context.Context, d term.Durations) (*kube.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, d.RequestTimeout())
	defer cancel()
	l, err := c.store.Get(ctx)
	if err != nil {
		return nil, err
	}
	c.see(l)
	if l.Record.Holder != c.self {
		return nil, nil //nolint:nilnil // it is somebody else's, or nobody's
	}
	return l, nil
}

func (c *contender) sleep(ctx context.Context, d time.Duration) {
	timer, stop := c.clock.after(d)
	defer stop()
	select {
	case <-timer:
	case <-ctx.Done():
	}
}
