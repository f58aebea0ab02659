package lead

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// held is a term that has begun.
type held struct {
	tenure *tenure
	term   Term
	// lease is the newest version that is known to name this process.
	lease *kube.Lease
	// tries are the renewals whose outcome is not known.
	tries []attempt
}

// acquire waits until this process leads. It fails once ctx has ended, and then has settled what it wrote.
func (c *contender) acquire(ctx context.Context) (*held, error) {
	a := acquisition{contender: c}
	for {
		if h := a.begun(); h != nil {
			return h, nil
		}
		if ctx.Err() != nil {
			return nil, errors.Join(fmt.Errorf("%w: not contending any more: %w", ErrReleased, context.Cause(ctx)), a.withdraw(ctx))
		}
		a.step(ctx)
	}
}

// acquisition is the wait for one term.
type acquisition struct {
	*contender
	// tries are the writes whose outcome is not known. All of them judged the same version.
	tries []attempt
	// stale is a version that is known to be replaced, by one that was not seen yet.
	stale int64
	told  string
}

// begun returns the term that one of the tries began, nil if none is seen to have, or it is over already.
func (a *acquisition) begun() *held {
	l, _, _, _ := a.look()
	w := landed(l, a.tries)
	if w == nil {
		return nil
	}
	t := newTenure(a.clock, term.Begin(w.sent, w.durations))
	if t.err() != nil {
		return nil // nothing of it ran: it is replaced by another, or given up
	}
	a.tries = nil
	number := int64(l.Record.Term())
	a.log.Info("This process leads", "term", number)
	return &held{tenure: t, lease: l, term: Term{Number: number, Holder: a.self.Identity, tenure: t}}
}

// step does what is to be done now, or waits until there is something to be done.
func (a *acquisition) step(ctx context.Context) {
	l, sight, pool, _ := a.look()
	if l != nil && l.Record.Version == a.stale {
		a.catchUp(ctx, pool)
		return
	}
	if sight == (term.Sight{}) { // the watch is not there yet; if it fails, that is told elsewhere
		a.wait(ctx, 0)
		return
	}
	switch next := sight.Next(a.self, pool, a.clock.now().Mono); next.Move {
	case term.MoveCreate:
		a.create(ctx, next.After, pool)
	case term.MoveAcquire:
		a.write(ctx, l, pool)
	default:
		a.tell(next.Why)
		a.wait(ctx, next.After)
	}
}

// create makes the missing Lease, and waits for the watch to tell of it.
func (a *acquisition) create(ctx context.Context, lasts time.Duration, pool term.Pool) {
	creating, cancel := context.WithTimeout(ctx, pool.RequestTimeout())
	defer cancel()
	if err := a.store.Create(creating, lasts); err != nil {
		a.log.Warn("The missing Lease could not be made", "error", err)
		a.wait(ctx, pool.Retry)
		return
	}
	a.catchUp(ctx, pool)
}

// write sends the write that begins a term. Unknown outcomes are settled by the next step: as long as the version that was judged
// is the newest that is known, it writes on it again, and one of the two fails.
func (a *acquisition) write(ctx context.Context, judged *kube.Lease, pool term.Pool) {
	if len(a.tries) > 0 && a.tries[0].judged.Record.Version != judged.Record.Version {
		a.tries = nil // the version has moved on, without them
	}
	r := judged.Record.Grant(a.self, 0)
	r.Successor = ""
	w := a.attempt(judged, r, pool.Durations)
	a.tries = append(a.tries, w)
	_, err := a.put(context.WithoutCancel(ctx), w, pool.RequestTimeout())
	switch {
	case err == nil:
	case errors.Is(err, kube.ErrChanged), errors.Is(err, kube.ErrMissing):
		a.tries = a.tries[:len(a.tries)-1] // this one failed
		a.stale = judged.Record.Version
	case errors.Is(err, term.ErrUnknown):
		a.log.Warn("It is not known whether the Lease was written; writing again", "error", err)
		a.wait(ctx, pool.Retry/4)
	default:
		a.tries = a.tries[:len(a.tries)-1]
		a.log.Warn("The Lease could not be written", "error", err)
		a.wait(ctx, pool.Retry)
	}
}

// catchUp waits for the watch to tell what replaced a version, and asks if it does not. It asks at once where that may be a
// write of this process.
func (a *acquisition) catchUp(ctx context.Context, pool term.Pool) {
	if len(a.tries) == 0 && a.wait(ctx, pool.Retry) || ctx.Err() != nil {
		return
	}
	if err := a.refresh(ctx, pool.RequestTimeout()); err != nil {
		a.log.Warn("The Lease could not be read", "error", err)
		a.wait(ctx, pool.Retry/4)
	}
}

// wait waits for a change, for at most d if d is not 0. It says whether there was one.
func (a *acquisition) wait(ctx context.Context, d time.Duration) bool {
	var timer <-chan time.Time
	if d > 0 {
		c, stop := a.clock.after(d)
		defer stop()
		timer = c
	}
	select {
	case <-a.changed:
		return true
	case <-timer:
	case <-ctx.Done():
	}
	return false
}

// tell logs why this process waits, once.
func (a *acquisition) tell(why string) {
	if why != a.told && why != term.WhyRank && why != unknownPolicy {
		a.log.Info("Waiting for the lead", "why", why)
		a.told = why
	}
}

// withdraw sees to it that no write of a process that contends no more begins a term later: it replaces the version that was
// judged, or what became of it.
func (a *acquisition) withdraw(ctx context.Context) error {
	if len(a.tries) == 0 {
		return nil
	}
	return a.empty(context.WithoutCancel(ctx), a.tries[0].judged, a.tries[0].durations)
}
