package command

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kube-zen/zen-lead/controller/internal/agent"
	"github.com/kube-zen/zen-lead/controller/internal/guard"
	"github.com/kube-zen/zen-lead/core/lead"
)

// ExitError is how the program is to end.
type ExitError struct {
	Code int
	// Err is to be told, if it is not nil.
	Err error
}

func (e *ExitError) Error() string {
	if e.Err == nil {
		return "the command has ended"
	}
	return e.Err.Error()
}

func (e *ExitError) Unwrap() error { return e.Err }

func newRun() *cobra.Command {
	r := agent.Run{Contend: lead.Run}
	c := &cobra.Command{
		Use:   "run POOL -- COMMAND [ARGUMENT...]",
		Short: "Run a command only while this process leads a pool",
		Long: `Run a command only while this process leads a pool of mode participant.

The command gets ZEN_LEAD_TERM, a fencing token, and ZEN_LEAD_ROLE. Before the term ends it gets SIGTERM, then SIGKILL, with
everything that it started. When it exits, the term is released at once, and zen-lead exits with its exit code. SIGHUP, SIGINT, SIGQUIT, SIGTERM,
SIGUSR1, SIGUSR2 and SIGWINCH are passed on to it; SIGTERM and SIGINT end zen-lead once it has ended.`,
		Example: `  zen-lead run worker -- ./work.sh
  zen-lead run --restart nightly -- python3 job.py`,
		Args: func(c *cobra.Command, args []string) error {
			if c.ArgsLenAtDash() != 1 || len(args) < 2 {
				return &ExitError{agent.CodeFailed, errors.New("want one POOL, then -- and the command: zen-lead run worker -- ./work.sh")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			logToStderr(c)
			r.Pool, r.Command = args[0], args[1:]
			ctx, pass, end := signals(c.Context())
			defer end()
			if code, err := r.Execute(ctx, pass); code != 0 || err != nil {
				return &ExitError{code, err}
			}
			return nil
		},
	}
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &ExitError{agent.CodeFailed, err} })
	f := c.Flags()
	f.DurationVar(&r.GracePeriod, "grace-period", 0,
		"how long after the signal that tells it to end the command is killed, at the latest; 0 is when its term ends. Set it where the command does not end by itself, and others should not wait for that")
	f.BoolVar(&r.Restart, "restart", false,
		"contend again once the command has ended, 1 s later, up to 1 min where it fails or ends within 10 s. Set it where nothing else starts zen-lead again")
	return c
}

// signals returns a context that the first SIGINT or SIGTERM ends, and the signals that are the command's: all others.
func signals(parent context.Context) (ctx context.Context, pass <-chan syscall.Signal, end func()) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(parent))
	came, passed := make(chan os.Signal, 16), make(chan syscall.Signal, 16)
	signal.Notify(came, guard.Passed...)
	if parent.Err() != nil { // it came sooner
		cancel(agent.SignalError{Signal: syscall.SIGTERM})
	}
	go func() {
		for s := range came {
			s := s.(syscall.Signal)
			if ctx.Err() == nil && (s == syscall.SIGINT || s == syscall.SIGTERM) {
				cancel(agent.SignalError{Signal: s})
				continue
			}
			select {
			case passed <- s:
			default: // nothing runs that takes them
			}
		}
	}()
	return ctx, passed, func() { signal.Stop(came); close(came); cancel(nil) }
}
