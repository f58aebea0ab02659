package lead

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// Leader is who leads a pool, as a follower knows it. The zero Leader is nobody.
type Leader struct {
	// Name is the identity of the member: where members are pods, the pod's name.
	Name string
	// UID is the pod's UID, "" where it is not known.
	UID string
	// Term is the number of its term.
	Term int64
}

// Observe yields who leads a pool of mode participant or controller, and each change, until ctx ends: it then yields the cause
// of that once. It yields the zero Leader while nobody leads, or whoever did was not seen to renew.
//
// It is for routing, caches and people: by the time that a leader is yielded another may lead. It needs the right to get, list
// and watch the Lease.
func Observe(ctx context.Context, pool string, opts ...Option) iter.Seq2[Leader, error] {
	return func(yield func(Leader, error) bool) {
		o, err := complete(opts)
		if err != nil {
			yield(Leader{}, err)
			return
		}
		connection, err := kube.Connect(o.config)
		if err != nil {
			yield(Leader{}, fmt.Errorf("connect to %s: %w", o.config.Host, err))
			return
		}
		defer connection.Close()
		log := slog.Default().With("pool", pool, "namespace", o.namespace)
		c := newContender(kube.NewPool(connection.Leases, o.namespace, pool), machineClock{}, term.Holder{}, log)
		following, stop := context.WithCancel(ctx)
		defer stop()
		go c.store.Follow(following, c.see, newTeller(log, o.config, o.namespace).failed)
		c.observe(ctx, yield)
	}
}

// observe yields each change of leader.
func (c *contender) observe(ctx context.Context, yield func(Leader, error) bool) {
	var last *Leader
	for {
		_, sight, _, _ := c.look()
		is, expires := leaderOf(sight, c.clock.now().Mono)
		if sight != (term.Sight{}) && (last == nil || is != *last) {
			last = &is
			if !yield(is, nil) {
				return
			}
		}
		timer, stop := c.clock.after(expires)
		select {
		case <-c.changed:
		case <-timer:
		case <-ctx.Done():
			stop()
			yield(Leader{}, context.Cause(ctx))
			return
		}
		stop()
	}
}

// leaderOf returns who leads by what was seen, and when that changes though nothing happens.
func leaderOf(s term.Sight, now time.Duration) (l Leader, expires time.Duration) {
	if s.Missing || !s.Record.Held() {
		return Leader{}, time.Hour
	}
	if expires = s.HeldFor(now); expires <= 0 {
		return Leader{}, time.Hour
	}
	return Leader{Name: s.Record.Holder.Identity, UID: s.Record.Holder.UID, Term: int64(s.Record.Term())}, expires
}
