package zenlead

import (
	"context"
	"fmt"
	"regexp"
	"sync"
	"time"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// Lock is one ManualLock, as one holder sees it: to be held once at a time, any number of times. It is safe for concurrent use.
//
// While it is held the client renews it, together with all others that it holds. Caveats: no clock stops a process that stands still, nor what it sent
// before. What protects data is the token, sent with each write to a store that refuses a smaller one.
type Lock struct {
	client *Client
	name   string

	mu sync.Mutex
	// asking: it is being taken.
	asking bool
	// held is the last grant, nil before the first.
	held *holding
}

// Lock returns the lock of a name in this client's namespace. It asks nothing yet.
func (c *Client) Lock(name string) *Lock { return &Lock{client: c, name: name} }

// TryLock takes the lock if it is free, and does not wait for it. It takes the right to acquire the ManualLock. [ErrHeld]: somebody else
// has it, or it is not free yet; [ErrUnknownLock]: there is no such ManualLock.
//
// It asks again where there was no answer, until ctx ends; then it returns the cause of that, and what was asked for is given up in the
// background: a grant that was under way leaves nothing behind. A Lock that is held, or asked for, already is [ErrInvalidArgument].
func (l *Lock) TryLock(ctx context.Context) error { return l.take(ctx, true) }

// Lock takes the lock, and waits for it until ctx ends: those who wait are served in the order in which they came. It is [Lock.TryLock] in
// all else; ErrHeld is returned where too many wait.
func (l *Lock) Lock(ctx context.Context) error { return l.take(ctx, false) }

// Unlock gives the lock up. From when it is called Token is 0, and Done is closed. It returns once it is certain that the lock is released,
// or when ctx ends, with [ErrUnknown]: the lock then runs out by itself. [ErrLost]: it was lost before; zen-lead is told in the background that
// all has ended, for which whoever takes the lock by force waits. [ErrReleased]: it is not held.
//
// Call it when the work has ended: somebody else may hold the lock before it returns.
func (l *Lock) Unlock(ctx context.Context) error {
	h := l.last()
	if h == nil {
		return fmt.Errorf("release lock %v: %w", l.key(), errReleased)
	}
	tell, err := h.leave()
	s := l.client.shared
	s.keeper.drop(h)
	proof := &zenleadv1.Holding{RequestId: h.id, Token: h.token}
	switch {
	case !tell:
	case err != nil: // zen-lead may not know that it is lost, or wait for it to end
		s.giveUp(h.lock, proof, h.ttl)
	default:
		if err = s.release(ctx, h.lock, proof); err != nil && ctx.Err() != nil {
			s.giveUp(h.lock, proof, h.ttl)
		}
	}
	if err != nil {
		return fmt.Errorf("release lock %v: %w", h.lock, err)
	}
	return nil
}

// Token is the fencing token: it grows with every grant of the lock. Large, with gaps: only compare. It is 0 while the lock is not held, which it
// asks the clocks about on each call: neither a late timer nor a machine that was suspended keeps it alive.
func (l *Lock) Token() int64 {
	if h := l.last(); h != nil && h.err() == nil {
		return h.token
	}
	return 0
}

// Done returns a channel that is closed when the holder must stop: when two thirds of the ttl have passed since the last renewal that
// came through was sent, when the lock was taken from it, and when it gives it up. It is closed, too, while the lock was not held yet. It
// is of the grant at the time of the call: ask anew after each Lock.
func (l *Lock) Done() <-chan struct{} {
	if h := l.last(); h != nil {
		return h.life.Done()
	}
	return closed
}

// Err is nil while the lock is held. After that it is why Done is closed: [ErrLost], [ErrReleased], which it is also before the lock was
// held, or [ErrUnknown]: the client was closed, and the lock runs out by itself.
func (l *Lock) Err() error {
	if h := l.last(); h != nil {
		return h.err()
	}
	return errReleased
}

// Left is how long the lock lasts from this moment if it is not renewed again: work, until Done is closed, and hard, until all
// that it allowed must have ended, before another may hold it, also where two clocks differ by a twentieth. Each renewal makes both longer. Work is 0 or less
// once Done is closed; hard may still be more then, until Unlock is called, in which time work that was told to end can be killed.
func (l *Lock) Left() (work, hard time.Duration) {
	if h := l.last(); h != nil {
		return h.times()
	}
	return 0, 0
}

// take takes the lock, unless this Lock is held or asked for already.
func (l *Lock) take(ctx context.Context, try bool) error {
	if !lockName.MatchString(l.name) {
		return fmt.Errorf("%w: %q cannot be the name of a lock", ErrInvalidArgument, l.name)
	}
	if err := l.begin(); err != nil {
		return err
	}
	h, err := l.client.shared.take(ctx, l.key(), try)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asking = false
	if err == nil {
		l.held = h
	}
	return err
}

func (l *Lock) begin() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asking || l.held != nil && l.held.err() == nil {
		return fmt.Errorf("%w: lock %v is held or asked for already by this Lock; make one for each holder", ErrInvalidArgument, l.key())
	}
	l.asking = true
	return nil
}

func (l *Lock) last() *holding {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

func (l *Lock) key() lockKey { return lockKey{namespace: l.client.namespace, name: l.name} }

// lockName is what a lock may be called: nothing that a path of a URL could take for something else.
var lockName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

var errReleased = fmt.Errorf("%w: the lock is not held", ErrReleased)

// closed is what was never held.
var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()
