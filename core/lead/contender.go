package lead

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// store is the pool's Lease: a *kube.Pool, or in tests one whose faults are chosen.
type store interface {
	Get(ctx context.Context) (*kube.Lease, error)
	Create(ctx context.Context, lasts time.Duration) error
	Put(ctx context.Context, judged *kube.Lease, r term.Record) (*kube.Lease, error)
	Follow(ctx context.Context, tell func(*kube.Lease), failed func(error))
}

// contender is one process that contends for one pool.
type contender struct {
	store            store
	clock            clock
	self             term.Holder
	log              *slog.Logger
	renewConnections func()
	overrun          func(Term)
	exit             func()
	// flush waits, for at most some time, until what was logged is written.
	flush func(time.Duration)

	// changed is sent to when anything below changes.
	changed chan struct{}
	mu      sync.Mutex
	// newest is the newest version of the Lease that is known, nil if none is, or the Lease is missing.
	newest *kube.Lease
	sight  term.Sight
	pool   term.Pool
	// quit says that whoever leads should give up, as nobody is to contend any more.
	quit bool
	// stamped is the last renewal's mark. Each is another.
	stamped time.Time
}

// unknownPolicy is why nobody contends before the policy was seen.
const unknownPolicy = "the LeaderPolicy is not known yet"

func newContender(s store, c clock, self term.Holder, log *slog.Logger) *contender {
	return &contender{
		store: s, clock: c, self: self, log: log, renewConnections: func() {}, exit: func() {}, flush: func(time.Duration) {}, changed: make(chan struct{}, 1),
		pool: term.Pool{Durations: term.DefaultDurations, Closed: unknownPolicy},
	}
}

// see takes over a version of the Lease, nil if there is none. Answers and watches come in any order: an older version than
// the newest is dropped.
func (c *contender) see(l *kube.Lease) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.now().Mono
	switch {
	case l == nil:
		c.newest, c.sight = nil, c.sight.Lose(now)
	case c.newest != nil && l.Record.Version <= c.newest.Record.Version:
		return
	default:
		c.newest, c.sight = l, c.sight.See(l.Record, l.Owned, now)
	}
	c.wake()
}

// rule takes over the rules of the pool.
func (c *contender) rule(p term.Pool, quit bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.NewSince > 0 && c.pool.NewSince > 0 {
		p.NewSince = c.pool.NewSince
	}
	c.pool, c.quit = p, quit
	c.wake()
}

func (c *contender) wake() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// look returns what is known at this moment.
func (c *contender) look() (l *kube.Lease, s term.Sight, p term.Pool, quit bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.newest, c.sight, c.pool, c.quit
}

// run contends until fn has returned by itself, or ctx has ended.
func (c *contender) run(ctx context.Context, fn Func) error {
	log, flush, end := logAside(c.log)
	defer end()
	c.log, c.flush = log, flush
	for {
		h, err := c.acquire(ctx)
		if err != nil {
			return err
		}
		again, err := c.lead(ctx, h, fn)
		if !again {
			return err
		}
	}
}

// attempt is a write that names this process as the holder.
type attempt struct {
	judged    *kube.Lease
	sent      term.Instant
	record    term.Record
	durations term.Durations
}

// attempt makes the next write on a version of the Lease: a new term, or a renewal of one's own.
func (c *contender) attempt(judged *kube.Lease, r term.Record, d term.Durations) attempt {
	a := attempt{judged: judged, sent: c.clock.now(), record: r, durations: d}
	a.record.Duration, a.record.Renewed = d.Lease, c.stamp(a.sent.Wall)
	return a
}

// stamp is the mark of one write, by which it is known again: the time, in the precision of a Lease, never the same twice.
func (c *contender) stamp(wall time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := wall.Truncate(time.Microsecond); t.After(c.stamped) {
		c.stamped = t
	} else {
		c.stamped = c.stamped.Add(time.Microsecond)
	}
	return c.stamped
}

// landed finds the attempt that left the Lease as it was read, nil if none did.
func landed(l *kube.Lease, tries []attempt) *attempt {
	for i := range tries {
		if a := &tries[i]; l != nil && l.Record.SameTenure(a.record) {
			return a
		}
	}
	return nil
}

// put sends an attempt. A request that was not answered in time may have met a dead connection: the next one has another.
func (c *contender) put(ctx context.Context, a attempt, timeout time.Duration) (*kube.Lease, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	timer, stop := c.clock.after(timeout)
	defer stop()
	type answer struct {
		lease *kube.Lease
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		l, err := c.store.Put(ctx, a.judged, a.record)
		answered <- answer{l, err}
	}()
	select {
	case r := <-answered:
		if r.err == nil {
			c.see(r.lease)
		}
		return r.lease, r.err
	case <-timer:
		c.renewConnections()
		return nil, fmt.Errorf("%w: no answer within %v", term.ErrUnknown, timeout)
	}
}

// refresh reads the Lease from the API server.
func (c *contender) refresh(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	l, err := c.store.Get(ctx)
	if err != nil && !errors.Is(err, kube.ErrMissing) {
		return err
	}
	c.see(l)
	return nil
}
