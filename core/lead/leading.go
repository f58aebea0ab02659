package lead

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// lead runs fn for one term. It says whether to contend again, and if not what Run returns.
func (c *contender) lead(ctx context.Context, h *held, fn Func) (again bool, err error) {
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	l := leading{contender: c, held: h, cancel: cancel, parent: ctx, renewed: make(chan renewal, 1)}
	done := make(chan error, 1)
	go func() { done <- fn(work, h.term) }()
	for {
		next := l.step()
		timer, stop := c.clock.after(next)
		select {
		case err := <-done:
			stop()
			return l.finish(err)
		case r := <-l.renewed:
			l.settle(r)
		case <-l.parentDone():
			l.stop(fmt.Errorf("%w: %w", ErrReleased, context.Cause(ctx)))
		case <-c.changed:
		case <-timer:
		}
		stop()
	}
}

// leading is one term while the function runs.
type leading struct {
	*contender
	*held
	parent context.Context //nolint:containedctx // of Run: whether it has ended decides what comes after the term
	cancel context.CancelCauseFunc
	// stopping is why the function was told to return, nil while it was not.
	stopping error
	// asked: somebody else wants the lead, or the pool is closed. The function gets what is left of the term, no more.
	asked bool
	// taken: the Lease names this process no more.
	taken   bool
	overran bool
	// renewed gets the answer to the renewal that is under way.
	renewed  chan renewal
	underWay context.CancelFunc
	// again is when a renewal is tried again that failed.
	again term.Instant
}

type renewal struct {
	attempt attempt
	lease   *kube.Lease
	err     error
}

// lookAgain is how late, at most, a term is seen to have ended while the machine was suspended: timers stand still then.
const lookAgain = time.Second

// step does what is due, and returns when something is due next.
func (l *leading) step() time.Duration {
	l.watch()
	if err := l.tenure.err(); err != nil {
		l.stop(err)
	}
	left := l.tenure.times()
	left.Hard -= lastWords // the process has ended by then, its log too
	if left.Hard <= 0 && !l.overran {
		l.overrunning()
	}
	next := lookAgain
	if !l.overran {
		next = min(next, left.Hard)
	}
	if left.Work > 0 {
		next = min(next, left.Work)
	}
	if in, due := l.due(left); due && in <= 0 {
		l.renew()
	} else if due {
		next = min(next, in)
	}
	return max(next, 0)
}

// due says when the next renewal is, if there is to be one.
func (l *leading) due(left term.Times) (in time.Duration, due bool) {
	if l.underWay != nil || left.Work <= 0 || l.asked || l.tenure.err() != nil {
		return 0, false
	}
	return max(left.Renew, -l.clock.now().Since(l.again)), true
}

// watch takes over what was seen of the Lease and the policy.
func (l *leading) watch() {
	lease, sight, pool, quit := l.look()
	switch {
	case sight.Missing:
		l.lost("the Lease was deleted")
	case lease.Record.Version > l.lease.Record.Version:
		l.compare(lease)
	}
	switch successor := l.lease.Record.Successor; {
	case quit:
		l.ask(pool.Closed)
	case successor != "" && successor != l.self.Identity:
		l.ask("it is handed over to " + successor)
	}
}

// compare judges a version that is newer than the newest that is known to be this process's.
func (l *leading) compare(lease *kube.Lease) {
	if w := landed(lease, l.tries); w != nil {
		l.tenure.confirmed(w.sent, w.durations)
		l.tries = nil
	} else if !lease.Record.SameTenure(l.lease.Record) {
		l.lost(fmt.Sprintf("the Lease names %q, in term %d", lease.Record.Holder.Identity, lease.Record.Term()))
		return
	}
	l.lease = lease
}

func (l *leading) lost(why string) {
	l.taken = true
	l.stop(l.tenure.end(fmt.Errorf("%w: %s", ErrLost, why)))
}

// ask has the function give up, for the sake of others: it has what is left of the term to do so.
func (l *leading) ask(why string) {
	if !l.asked {
		l.asked = true
		l.stop(fmt.Errorf("%w: %s", ErrReleased, why))
	}
}

// stop tells the function to return.
func (l *leading) stop(cause error) {
	if l.stopping == nil {
		l.log.Info("The work is told to end", "term", l.term.Number, "cause", cause)
		l.stopping = cause
		l.cancel(cause)
	}
}

func (l *leading) parentDone() <-chan struct{} {
	if l.stopping != nil {
		return nil
	}
	return l.parent.Done()
}

// renew sends a renewal; its answer comes to settle.
func (l *leading) renew() {
	_, _, pool, _ := l.look()
	judged := l.lease
	r := judged.Record
	a := l.attempt(judged, r, pool.Durations)
	l.tries = append(l.tries, a)
	l.tenure.tried(a.sent, a.durations)
	ctx, cancel := context.WithCancel(context.WithoutCancel(l.parent))
	l.underWay = cancel
	go func() {
		lease, err := l.put(ctx, a, pool.RequestTimeout())
		if errors.Is(err, kube.ErrChanged) || errors.Is(err, kube.ErrMissing) {
			err = l.refresh(ctx, pool.RequestTimeout()) // what replaced it is looked at by watch
		}
		l.renewed <- renewal{attempt: a, lease: lease, err: err}
	}()
}

// settle takes over the answer to a renewal.
func (l *leading) settle(r renewal) {
	l.underWay()
	l.underWay = nil
	switch {
	case r.err == nil && r.lease != nil:
		l.tenure.confirmed(r.attempt.sent, r.attempt.durations)
		l.lease, l.tries = r.lease, nil
	case r.err == nil: // another version is there: watch judges it
	default:
		pause := r.attempt.durations.Retry
		if errors.Is(r.err, term.ErrUnknown) {
			pause /= 4 // it is to be settled
		} else {
			l.refused(r.attempt)
		}
		l.again = l.clock.now().Add(pause)
		l.log.Warn("The term could not be renewed", "term", l.term.Number, "error", r.err)
	}
}

// refused notes that a renewal certainly did not happen.
func (l *leading) refused(a attempt) {
	l.tries = slices.DeleteFunc(l.tries, func(other attempt) bool { return other.record.Renewed.Equal(a.record.Renewed) })
	if len(l.tries) == 0 {
		l.tenure.settled()
	}
}

// lastWords is how long, at most, the end of the process waits for its log.
const lastWords = 50 * time.Millisecond

// overrunning ends the process, or does what was asked for instead.
func (l *leading) overrunning() {
	l.overran = true
	l.log.Error("The work has not ended, and another member may lead from now on", "term", l.term.Number)
	if l.overrun != nil {
		l.overrun(l.term)
		return
	}
	l.flush(lastWords)
	l.exit()
}

// finish gives the term up, once the function has returned.
func (l *leading) finish(err error) (again bool, result error) {
	if l.underWay != nil {
		l.underWay()
		l.settle(<-l.renewed)
	}
	_ = l.tenure.end(fmt.Errorf("%w: the work has ended", ErrReleased))
	l.tenure.close()
	if l.watch(); !l.taken {
		_, _, pool, _ := l.look()
		if e := l.empty(context.WithoutCancel(l.parent), l.lease, pool.Durations); e != nil {
			l.log.Warn("The term was not given up; others wait until it ends", "term", l.term.Number, "error", e)
		}
	}
	switch {
	case l.stopping == nil:
		return false, err
	case l.parent.Err() == nil:
		if err != nil && !errors.Is(err, context.Canceled) {
			l.log.Warn("The work ended with an error after its term", "term", l.term.Number, "error", err)
		}
		return true, nil
	case err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.Cause(l.parent)):
		return false, err
	default:
		return false, fmt.Errorf("%w: %w", ErrReleased, context.Cause(l.parent))
	}
}
