package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"syscall"
	"time"

	"github.com/kube-zen/zen-lead/controller/internal/guard"
	"github.com/kube-zen/zen-lead/core/term"
)

// killBefore is how long before the hard end this process kills what its guard has left: the guard is to have done so before.
const killBefore = 100 * time.Millisecond

var killed = guard.Outcome{Exit: guard.Exit{Code: 128 + int(syscall.SIGKILL), Signal: syscall.SIGKILL}}

// validity is how long a command may run: [lead.Term] is one.
type validity interface {
	// Left is how long from this moment, unless that is renewed: until the command is told to end, and until everything has to have ended.
	Left() term.Times
	// Changed returns a channel that is closed when Left is to be asked again. It is asked for before Left.
	Changed() <-chan struct{}
}

// working is the time of one command.
type working struct {
	guard *guard.Guard
	until validity
	// grace is the time from the signal that tells the command to end until it is killed; 0: what until leaves.
	grace time.Duration
	// log says what allows the command.
	log *slog.Logger
}

// run runs the command until everything that it has started has ended, too. An error says why it was not started.
func (w *working) run(ctx context.Context, c guard.Command, pass <-chan syscall.Signal) (guard.Outcome, error) {
	defer func() { _ = w.guard.Close() }() // it has ended
	w.guard.Begin(c, w.deadlines())
	forget(pass)
	out := w.watch(ctx, pass)
	switch {
	case errors.Is(out.Err, guard.ErrDied):
		EndAll(w.until.Left().Hard)
		w.log.Error("The guard of the command had died; the command was killed")
		out = killed
	case errors.Is(out.Err, guard.ErrResists):
		Exit(out.Err)
	case out.Err != nil:
		return out, fmt.Errorf("start the command: %w", out.Err)
	}
	w.log.Info("The command has ended", "code", out.Code)
	return out, nil
}

// deadlines reads the clock first: what lies between the two readings makes them sooner.
func (w *working) deadlines() guard.Deadlines {
	now := guard.Now()
	left := w.until.Left()
	return guard.Deadlines{Work: now.Add(left.Work), Hard: now.Add(left.Hard)}
}

// watch keeps the guard informed until everything has ended.
func (w *working) watch(ctx context.Context, pass <-chan syscall.Signal) guard.Outcome {
	told, graceOver := ctx.Done(), (<-chan time.Time)(nil)
	for {
		changed := w.until.Changed()
		w.guard.Until(w.deadlines())
		last := time.NewTimer(w.until.Left().Hard - killBefore)
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
	EndAll(w.until.Left().Hard)
	w.log.Error("The guard had not ended the command in time; it was killed")
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

// spare is the guard of the next command, started before it is needed so that the command need not wait for it.
type spare struct{ guard *guard.Guard }

// prepare starts the guard, unless there is one. One that has died since, as where the end of a term that had overrun took it too, is
// replaced.
func (s *spare) prepare() (err error) {
	if s.guard != nil {
		select {
		case <-s.guard.Done():
			s.guard = nil
		default:
			return nil
		}
	}
	s.guard, err = guard.Start()
	return err
}

// take returns the guard, which the taker closes.
func (s *spare) take() *guard.Guard {
	g := s.guard
	s.guard = nil
	return g
}

// close lets go of a guard that was not needed; it ends by that.
func (s *spare) close() error {
	if s.guard == nil {
		return nil
	}
	return s.guard.Close()
}
