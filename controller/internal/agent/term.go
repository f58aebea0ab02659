package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"syscall"
	"time"

	"github.com/kube-zen/zen-lead/controller/internal/guard"
	"github.com/kube-zen/zen-lead/core/lead"
)

// killBefore is how long before the hard end of a term this process kills what its guard has left: the guard is to have done so
// before.
const killBefore = 100 * time.Millisecond

var killed = guard.Outcome{Exit: guard.Exit{Code: 128 + int(syscall.SIGKILL), Signal: syscall.SIGKILL}}

// lead runs the command for one term.
func (t *tenure) lead(ctx context.Context, term lead.Term) error {
	if err := t.prepare(); err != nil {
		return t.fail(err)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	g := t.next
	t.next = nil
	defer func() { _ = g.Close() }() // it has ended
	w := working{guard: g, term: term, grace: t.run.GracePeriod}
	g.Begin(t.command(term), w.deadlines())
	forget(t.pass)
	out := w.watch(ctx, t.pass)
	switch {
	case errors.Is(out.Err, guard.ErrDied):
		EndAll(term.Left().Hard)
		slog.Error("The guard of the command had died; the command was killed", "term", term.Number)
		out = killed
	case errors.Is(out.Err, guard.ErrResists):
		Exit(out.Err)
	case out.Err != nil:
		return t.fail(fmt.Errorf("start the command: %w", out.Err))
	}
	return t.ended(ctx, term, out)
}

func (t *tenure) command(term lead.Term) guard.Command {
	env := guard.Environment(map[string]string{"ZEN_LEAD_TERM": strconv.FormatInt(term.Number, 10), "ZEN_LEAD_ROLE": "leader"})
	return guard.Command{Path: t.path, Args: t.run.Command, Env: env}
}

// fail ends the tenure: the command cannot be run.
func (t *tenure) fail(err error) error {
	t.failed = err
	t.over()
	return err
}

// ended notes how the command ended, and decides by that whether the lead is given up for good. The guard looks at the clock by
// itself: that it has ended a command says nothing of whether this process knows already that the term is over.
func (t *tenure) ended(ctx context.Context, term lead.Term, out guard.Outcome) error {
	slog.Info("The command has ended", "term", term.Number, "code", out.Code)
	if !out.Told || t.user.Err() != nil {
		t.code, t.interrupted = out.Code, out.Interrupted
		t.over()
		return ctx.Err()
	}
	if err := t.prepare(); err != nil {
		slog.Error("The next term will start its guard itself", "error", err)
	}
	return ctx.Err()
}

// working is the time of one command.
type working struct {
	guard *guard.Guard
	term  lead.Term
	grace time.Duration
}

// deadlines reads the clock first: what lies between the two readings makes them sooner.
func (w *working) deadlines() guard.Deadlines {
	now := guard.Now()
	left := w.term.Left()
	return guard.Deadlines{Work: now.Add(left.Work), Hard: now.Add(left.Hard)}
}

// watch keeps the guard informed until everything has ended.
func (w *working) watch(ctx context.Context, pass <-chan syscall.Signal) guard.Outcome {
	told, graceOver := ctx.Done(), (<-chan time.Time)(nil)
	for {
		changed := w.term.Changed()
		w.guard.Until(w.deadlines())
		last := time.NewTimer(w.term.Left().Hard - killBefore)
		select {
		case out := <-w.guard.Done():
			last.Stop()
			return out
		case <-changed:
		case <-told:
			told = nil
			w.guard.Stop(stopSignal(ctx))
			if w.grace > 0 {
				graceOver = time.After(w.grace)
			}
		case <-graceOver:
			graceOver = nil
			w.guard.Kill()
		case s := <-pass:
			w.guard.Pass(s)
		case <-last.C:
			return w.takeOver()
		}
		last.Stop()
	}
}

// forget drops the signals that came while no command ran.
func forget(pass <-chan syscall.Signal) {
	for {
		select {
		case <-pass:
		default:
			return
		}
	}
}

// takeOver ends what the guard has not ended in time, and it too.
func (w *working) takeOver() guard.Outcome {
	EndAll(w.term.Left().Hard)
	slog.Error("The guard had not ended the command in time; it was killed", "term", w.term.Number)
	<-w.guard.Done()
	out := killed
	out.Told = true
	return out
}

// stopSignal is what tells the command to end.
func stopSignal(ctx context.Context) syscall.Signal {
	if s, ok := errors.AsType[SignalError](context.Cause(ctx)); ok {
		return s.Signal
	}
	return syscall.SIGTERM
}
