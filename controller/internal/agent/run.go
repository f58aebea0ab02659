package agent

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os/exec"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kube-zen/zen-lead/controller/internal/guard"
	"github.com/kube-zen/zen-lead/core/lead"
)

// Exit codes of its own, as timeout(1), env(1) and others have them.
const (
	// CodeFailed: the agent itself failed.
	CodeFailed = 125
	// CodeNotExecutable: the command was found, and could not be started.
	CodeNotExecutable = 126
	// CodeNotFound: there is no such command.
	CodeNotFound = 127
)

// Run is a command that runs while this process leads a pool.
type Run struct {
	Pool string
	// Command is the program and its arguments.
	Command []string
	// GracePeriod is the time from the signal that tells the command to end until it is killed; 0: what the term leaves.
	GracePeriod time.Duration
	// Restart: contend again once the command has ended by itself.
	Restart bool
	// Contend is [lead.Run].
	Contend func(ctx context.Context, pool string, fn lead.Func, opts ...lead.Option) error
}

// SignalError is the cause of the end of a context by a signal.
type SignalError struct{ syscall.Signal }

func (s SignalError) Error() string { return "signal: " + s.String() }

// Execute contends and runs the command until it has ended by itself, or ctx has ended: by [SignalError], if by a signal, which then is what the command gets.
// Signals that come by pass go to the command. It returns the exit code, and an error where that is one of its own.
func (r *Run) Execute(ctx context.Context, pass <-chan syscall.Signal) (code int, err error) {
	if r.GracePeriod < 0 {
		return CodeFailed, errors.New("--grace-period: must not be negative")
	}
	path, err := exec.LookPath(r.Command[0])
	if err != nil {
		return codeOf(err), err
	}
	if err := guard.Adopt(); err != nil {
		return CodeFailed, err
	}
	go guard.ReapNobodys(ctx)
	backoff := firstBackoff
	for {
		t := &tenure{run: r, path: path, pass: pass, code: -1}
		began := time.Now()
		if err = t.contend(ctx); err != nil {
			return codeOf(err), err
		}
		switch {
		case ctx.Err() != nil && t.code < 0:
			return codeOfSignal(ctx), nil
		case t.code < 0:
			continue // the command was ended with its term
		case ctx.Err() != nil || t.interrupted || !r.Restart:
			return t.code, nil //nolint:nilerr // the code tells
		case t.code == 0 && time.Since(began) >= longEnough:
			backoff = firstBackoff
		}
		pause := backoff.Step()
		slog.Info("Contending again", "after", pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return codeOfSignal(ctx), nil
		}
	}
}

// A command that fails, or ends at once, must not have the lead begin and end all the time.
var firstBackoff = wait.Backoff{Duration: time.Second, Factor: 2, Steps: 1 << 30, Cap: time.Minute}

const longEnough = 10 * time.Second

func codeOf(err error) int {
	start, notStarted := errors.AsType[*guard.StartError](err)
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist), notStarted && start.Errno == syscall.ENOENT:
		return CodeNotFound
	case errors.Is(err, fs.ErrPermission), notStarted:
		return CodeNotExecutable
	default:
		return CodeFailed
	}
}

// codeOfSignal is the exit code of a program that the signal ends, 0 where ctx ended otherwise.
func codeOfSignal(ctx context.Context) int {
	if s, ok := errors.AsType[SignalError](context.Cause(ctx)); ok {
		return 128 + int(s.Signal)
	}
	return 0
}

// tenure is one call of [lead.Run]: any number of terms, of which the last may end with the command.
type tenure struct {
	run  *Run
	path string
	pass <-chan syscall.Signal
	next spare
	// user is ended by whoever ends this process; over ends the tenure.
	user context.Context //nolint:containedctx // of Execute: whether it has ended decides whose the end of a command is
	over context.CancelFunc
	// code is how the command ended by itself, or while whoever ends this process waited for it; -1 if neither has happened.
	code int
	// interrupted: it was ended from its terminal.
	interrupted bool
	// failed is why the command could not be run.
	failed error
}

func (t *tenure) contend(ctx context.Context) error {
	if err := t.next.prepare(); err != nil {
		return err
	}
	t.user = ctx
	contending, over := context.WithCancel(ctx)
	defer over()
	t.over = over
	err := t.run.Contend(contending, t.run.Pool, t.lead, lead.OnOverrun(func(over lead.Term) { EndAll(over.Left().Hard) }))
	err = errors.Join(err, t.next.close())
	switch {
	case t.failed != nil:
		return t.failed
	case t.code >= 0, ctx.Err() != nil:
		return nil
	default:
		return err
	}
}
