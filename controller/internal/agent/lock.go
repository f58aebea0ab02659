package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/kube-zen/zen-lead/controller/internal/guard"
	zenlead "github.com/kube-zen/zen-lead/sdk/go"
)

// Exit codes of a command that holds a lock, beside those of its own.
const (
	// CodeNoLock: there is no such lock.
	CodeNoLock = 3
	// CodeHeld: somebody else has the lock.
	CodeHeld = 4
	// CodeLost: the lock was lost before the command had ended.
	CodeLost = 5
)

const (
	// answerWithin is how long zen-lead may take to answer who does not wait for a lock, and to know of one that was made.
	answerWithin = 10 * time.Second
	// releaseWithin is how long it is tried to release a lock, at least. After its ttl it is free anyway.
	releaseWithin = time.Second
)

// Lock is [zenlead.Lock].
type Lock interface {
	TryLock(ctx context.Context) error
	Lock(ctx context.Context) error
	Unlock(ctx context.Context) error
	Token() int64
	Done() <-chan struct{}
	Err() error
	Left() (work, hard time.Duration)
}

// Locked is a command that runs while this process holds a lock.
type Locked struct {
	// Name is the lock's, for people.
	Name string
	// Command is the program and its arguments.
	Command []string
	Lock    Lock
	// Wait is how long to wait for the lock: 0: not at all; less: as long as it takes.
	Wait time.Duration
	// Make makes the lock where there is none.
	Make func(context.Context) error
}

var (
	errWaited   = errors.New("the time to wait has passed")
	errNoAnswer = fmt.Errorf("zen-lead has not answered within %s", answerWithin)
)

// Execute takes the lock and runs the command until it has ended, or the lock must be taken for lost. ctx ends by [SignalError] if by a
// signal, which then is what the command gets; signals that come by pass go to the command. It returns the exit code, and an error
// where that is one of its own.
func (l *Locked) Execute(ctx context.Context, pass <-chan syscall.Signal) (code int, err error) {
	path, err := exec.LookPath(l.Command[0])
	if err != nil {
		return codeOf(err), err
	}
	if err := guard.Adopt(); err != nil {
		return CodeFailed, err
	}
	go guard.ReapNobodys(ctx)
	var next spare
	if err := next.prepare(); err != nil {
		return CodeFailed, err
	}
	defer func() { _ = next.close() }() // it ends by that
	err = l.take(ctx)
	switch {
	case ctx.Err() != nil:
		if err == nil {
			l.release(ctx)
		}
		return codeOfSignal(ctx), nil
	case errors.Is(err, zenlead.ErrUnknownLock):
		return CodeNoLock, err
	case errors.Is(err, zenlead.ErrHeld):
		return CodeHeld, err
	case err != nil:
		return CodeFailed, err
	}
	slog.Info("Holding the lock", "lock", l.Name, "token", l.Lock.Token())
	return l.run(ctx, path, &next, pass)
}

// take takes the lock. It is made, once, where there is none.
func (l *Locked) take(ctx context.Context) error {
	var place atomic.Pointer[zenlead.Place]
	asking := zenlead.WithTrace(ctx, zenlead.Trace{
		Place: func(p zenlead.Place) {
			place.Store(&p)
			slog.Info("Waiting for the lock", "lock", l.Name, "place", p.Number, "holder", p.Holder)
		},
		Trouble: l.complainer(),
	})
	var cancel context.CancelFunc
	switch {
	case l.Wait == 0:
		asking, cancel = context.WithTimeoutCause(asking, answerWithin, errNoAnswer)
	case l.Wait > 0:
		asking, cancel = context.WithTimeoutCause(asking, l.Wait, errWaited)
	default:
		asking, cancel = context.WithCancel(asking)
	}
	defer cancel()
	err := l.ask(asking)
	if errors.Is(err, zenlead.ErrUnknownLock) {
		err = l.make(asking, err)
	}
	if p := place.Load(); p != nil && errors.Is(err, errWaited) {
		return fmt.Errorf("%w: by %s; %w, with place %d in the queue", zenlead.ErrHeld, p.Holder, err, p.Number)
	}
	return err
}

// complainer returns what tells people why zen-lead is asked again, now and then.
func (l *Locked) complainer() func(error) {
	var last time.Time
	return func(err error) {
		if now := time.Now(); last.IsZero() || now.Sub(last) > answerWithin {
			last = now
			slog.Warn("Asking for the lock again", "lock", l.Name, "error", err)
		}
	}
}

func (l *Locked) ask(ctx context.Context) error {
	if l.Wait == 0 {
		return l.Lock.TryLock(ctx)
	}
	return l.Lock.Lock(ctx)
}

// make makes the lock and asks for it. A replica may hear a moment later that it is there.
func (l *Locked) make(ctx context.Context, missing error) error {
	if err := l.Make(ctx); err != nil {
		return fmt.Errorf("%w; it was not made: %w", missing, err)
	}
	slog.Info("There was no such lock; it was made", "lock", l.Name)
	hear := time.NewTimer(answerWithin)
	defer hear.Stop()
	for {
		err := l.ask(ctx)
		if !errors.Is(err, zenlead.ErrUnknownLock) {
			return err
		}
		select {
		case <-time.After(answerWithin / 50):
		case <-hear.C:
			return fmt.Errorf("%w, though it was made where the kubeconfig, or the pod's account, says: is that the same cluster?", err)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// run runs the command while the lock is held, and releases it after that.
func (l *Locked) run(ctx context.Context, path string, next *spare, pass <-chan syscall.Signal) (code int, err error) {
	if err := next.prepare(); err != nil {
		l.release(ctx)
		return CodeFailed, err
	}
	holding, end := context.WithCancelCause(ctx)
	defer end(nil)
	go func() {
		select {
		case <-l.Lock.Done():
			end(l.Lock.Err())
		case <-holding.Done():
		}
	}()
	token := l.Lock.Token()
	w := working{guard: next.take(), until: lockTime{l.Lock}, log: slog.With("token", token)}
	out, err := w.run(holding, guard.Command{
		Path: path, Args: l.Command, Env: guard.Environment(map[string]string{"ZEN_LEAD_TOKEN": strconv.FormatInt(token, 10)}),
	}, pass)
	lost := l.Lock.Err()
	l.release(ctx)
	switch {
	case err != nil:
		return codeOf(err), err
	case out.Told && lost != nil:
		return CodeLost, fmt.Errorf("the command was ended: %w", lost)
	case out.Told && ctx.Err() == nil: // the guard's clock was first
		return CodeLost, errors.New("the command was ended: the lock was not renewed in time")
	default:
		return out.Code, nil
	}
}

// release releases the lock: what it allowed has ended.
func (l *Locked) release(ctx context.Context) {
	_, hard := l.Lock.Left()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(hard, releaseWithin))
	defer cancel()
	if err := l.Lock.Unlock(ctx); err != nil && !errors.Is(err, zenlead.ErrLost) {
		slog.Warn("The lock was not released for certain: it is free when its ttl has passed", "lock", l.Name, "error", err)
	}
}
