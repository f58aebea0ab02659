package zenlead

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// fresh is how long a sign of life counts: a heartbeat, which comes every ten seconds, may be half as late again.
const fresh = 15 * time.Second

var (
	errUnheard = fmt.Errorf("%w: nothing was heard of the pool yet", ErrUnavailable)
	errLost    = fmt.Errorf("%w: whoever answers has lost the API server", ErrStale)
	errLapsed  = fmt.Errorf("%w: nothing was heard for %v", ErrStale, fresh)
	errNewer   = fmt.Errorf("%w: another call has seen a newer term", ErrStale)
)

// Guard follows a pool for one pod, and says whether that pod leads. It is safe for concurrent use.
//
// It is advice. What it says was true when it was sent; by now another may lead, and a process that stands still between a look
// at the guard and a write does not notice. Use it to do less work, or to refuse work early. What protects data is the
// term, sent with each write to a store that refuses a smaller one.
type Guard struct {
	shared *shared
	pool   poolKey
	uid    string
	// watching ends when the guard is to.
	watching context.Context

	mu sync.Mutex
	// newest is the last that was seen, nil before anything was.
	newest *sight
	// trouble is why the last stream ended, nil once another one brings something.
	trouble error
	// ended is why no more is followed.
	ended error
}

// Guard returns a guard for the pod of a UID, as the downward API gives it (metadata.uid). Names do not do: a pod's successor may have
// the same. It returns at once, and knows nothing until zen-lead has answered. It takes the right to watch the LeaderPolicy.
//
// It works until ctx ends, the client is closed, or an error comes that trying again cannot mend, as with [Client.Watch]; after that
// nobody leads as far as it is concerned.
func (c *Client) Guard(ctx context.Context, pool, podUID string) (*Guard, error) {
	key, err := c.pool(pool)
	if err != nil {
		return nil, err
	}
	if podUID == "" {
		return nil, fmt.Errorf("%w: a guard takes the UID of a pod", ErrInvalidArgument)
	}
	g := &Guard{shared: c.shared, pool: key, uid: podUID, watching: ctx}
	go g.follow(ctx)
	return g, nil
}

// IsLeader is true only if zen-lead named that UID as leader and nothing since casts doubt on it. It is false where nothing was
// heard for 15 seconds, less the age that whoever answers states; where that has lost the API server; and where this client
// has seen a newer term in any other way. It asks the clocks on each call, without waiting for anything.
//
// Caveats: what the network holds back counts from when it arrives, so that half a minute or more may pass in which a pod is wrongly
// believed to lead.
func (g *Guard) IsLeader() bool { return g.Term() != 0 }

// Term is the term in which that pod leads, and 0 where [Guard.IsLeader] would be false: never the term of another, which would let a
// former leader's write pass.
func (g *Guard) Term() int64 {
	state, err := g.view()
	if err != nil || state.Leader == nil || state.Leader.UID != g.uid {
		return 0
	}
	return state.Term
}

// Err is why nobody is believed to lead: that nothing was heard, or nothing for too long, and why; that a replica has lost the
// API server; or what ended the guard. It is nil while the guard knows who leads, or that nobody does.
func (g *Guard) Err() error {
	if _, err := g.view(); err != nil {
		return fmt.Errorf("guard the lead of %v: %w", g.pool, err)
	}
	return nil
}

// view is the newest state, or why it cannot be relied on.
func (g *Guard) view() (State, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.watching.Err() != nil: // the stream may not have noticed yet
		return State{}, context.Cause(g.watching)
	case g.shared.life.Err() != nil:
		return State{}, context.Cause(g.shared.life)
	case g.ended != nil:
		return State{}, g.ended
	case g.newest == nil:
		return State{}, because(errUnheard, g.trouble)
	case g.newest.stale:
		return State{}, errLost
	case g.shared.now().since(g.newest.received)+g.newest.age >= fresh:
		return State{}, because(errLapsed, g.trouble)
	case g.shared.terms.of(g.pool) > g.newest.state.Term:
		return State{}, errNewer
	}
	return g.newest.state, nil
}

// because adds what a stream ended with, if one did.
func because(err, trouble error) error {
	if trouble == nil {
		return err
	}
	return fmt.Errorf("%w: %w", err, trouble)
}

func (g *Guard) follow(ctx context.Context) {
	f := follower{shared: g.shared, pool: g.pool, see: g.see, trouble: g.suffer}
	err := f.run(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = err
	if err == nil {
		g.ended = context.Cause(ctx)
	}
}

// see notes a sign of life. What arrives after too long a silence may have waited that long on its way, or in a process that
// stood still, and says nothing about now: only a stream that is asked for now does.
func (g *Guard) see(s sight) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	silent := s.received.since(s.opened)
	if g.newest != nil {
		silent = min(silent, s.received.since(g.newest.received))
	}
	if silent >= fresh {
		return errLapsed
	}
	g.newest, g.trouble = &s, nil
	return nil
}

func (g *Guard) suffer(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if errors.Is(err, errLapsed) {
		return // that is known
	}
	g.trouble = err
}
