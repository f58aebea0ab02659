package zenlead

import (
	"context"
	"errors"
	"fmt"
)

// WithLock takes a lock, waiting for it until ctx ends, runs f, and releases the lock after f has returned, whatever f returned and even if
// ctx has ended or f panics. The context that f gets ends with ctx, and when f must stop because another may hold the lock before long: its cause is
// [ErrLost] then.
//
// It returns what f returned. Joined to that is ErrLost where the lock was lost before f had returned, so that something may have been
// done without it, or what else [Lock.Err] was by then. That a release did not come through is no error: the lock runs out by itself, and
// so long at most it is waited for. Where the lock cannot be taken it returns what [Lock.Lock] does, and f is not called.
func (c *Client) WithLock(ctx context.Context, name string, f func(ctx context.Context, token int64) error) (err error) {
	l := c.Lock(name)
	if err := l.Lock(ctx); err != nil {
		return err
	}
	h := l.last()
	defer func() {
		ended := l.Err()
		_, left := l.Left()
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), left+slack(h.ttl))
		defer cancel()
		if released := l.Unlock(bounded); ended == nil && errors.Is(released, ErrLost) {
			ended = released
		}
		if ended != nil && !errors.Is(err, ended) {
			err = errors.Join(err, fmt.Errorf("lock %v: %w", h.lock, ended))
		}
	}()
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(h.life, func() { cancel(context.Cause(h.life)) })
	defer stop()
	return f(work, h.token)
}
