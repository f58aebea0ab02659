package zenlead

import (
	"context"
	"fmt"
	"time"
)

// Lock is one ManualLock, as one holder sees it: to be held once at a time, any number of times. It is safe for concurrent use.
//
// While it is held the client renews it, together with all others that it holds. Caveats: no clock stops a process that stands still, nor what it sent
// before. What protects data is the token, sent with each write to a store that refuses a smaller one.
type Lock struct {
	client *Client
	name   string
}

// Lock returns the lock of a name in this client's namespace. It asks nothing yet.
func (c *Client) Lock(name string) *Lock { return &Lock{client: c, name: name} }

// TryLock takes the lock if it is free, and does not wait for it. It takes the right to acquire the ManualLock. [ErrHeld]: somebody else
// has it, or it is not free yet; [ErrUnknownLock]: there is no such ManualLock.
//
// It asks again where there was no answer, until ctx ends; then it returns the cause of that, and what was asked for is given up in the
// background: a grant that was under way leaves nothing behind. A Lock that is held, or asked for, already is [ErrInvalidArgument].
func (l *Lock) TryLock(ctx context.Context) error { return l.later(ctx) }

// Lock takes the lock, and waits for it until ctx ends: those who wait are served in the order in which they came. It is [Lock.TryLock] in
// all else; ErrHeld is returned where too many wait.
func (l *Lock) Lock(ctx context.Context) error { return l.later(ctx) }

// Unlock gives the lock up. From when it is called Token is 0, and Done is closed. It returns once it is certain that the lock is released,
// or when ctx ends, with [ErrUnknown]: the lock then runs out by itself. [ErrLost]: it was lost before. [ErrReleased]: it is not held.
//
// Call it when the work has ended: somebody else may hold the lock before it returns.
func (l *Lock) Unlock(ctx context.Context) error { return l.later(ctx) }

// Token is the fencing token: it grows with every grant of the lock. Large, with gaps: only compare. It is 0 while the lock is not held, which it
// asks the clocks about on each call: neither a late timer nor a machine that was suspended keeps it alive.
func (l *Lock) Token() int64 { return 0 }

// Done returns a channel that is closed when the holder must stop: when two thirds of the ttl have passed since the last renewal that
// came through was sent, when the lock was taken from it, and when it gives it up. It is closed, too, while the lock was not held yet. It
// is of the grant at the time of the call: ask anew after each Lock.
func (l *Lock) Done() <-chan struct{} { return closed }

// Err is nil while the lock is held. After that it is why Done is closed: [ErrLost], [ErrReleased], which it is also before the lock was
// held, or [ErrUnknown]: the client was closed, and the lock runs out by itself.
func (l *Lock) Err() error { return fmt.Errorf("%w: the lock is not held", ErrReleased) }

// Left is how long the lock lasts from this moment if it is not renewed again: work, until Done is closed, and hard, until all
// that it allowed must have ended, a twentieth of the ttl before another may hold it. Each renewal makes both longer. Work is 0 or less
// once Done is closed; hard may still be more then, until Unlock is called, in which time work that was told to end can be killed.
func (l *Lock) Left() (work, hard time.Duration) { return 0, 0 }

// WithLock takes a lock, waiting for it until ctx ends, runs f, and releases the lock after f has returned, whatever f returned and even if
// ctx has ended or f panics. The context that f gets ends when the lock must be taken for lost, before another may hold it, with the cause
// [ErrLost], and with ctx.
//
// It returns what f returned. Joined to that is ErrLost where the lock was lost before f had returned, so that something may have been
// done without it. That a release did not come through is no error: the lock runs out by itself, and so long at most it is waited for. An error of taking the
// lock, as with [Lock.Lock], is returned before f is called.
func (c *Client) WithLock(ctx context.Context, name string, f func(ctx context.Context, token int64) error) error {
	l := c.Lock(name)
	if err := l.Lock(ctx); err != nil {
		return err
	}
	return f(ctx, l.Token())
}

var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// later stands for what is not there yet.
func (l *Lock) later(context.Context) error {
	return fmt.Errorf("%w: lock %s/%s: locks are not served yet", ErrUnavailable, l.client.namespace, l.name)
}
