package agent_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/kube-zen/zen-lead/controller/internal/agent"
	"github.com/kube-zen/zen-lead/controller/internal/guard"
	"github.com/kube-zen/zen-lead/core/lead"
)

func TestMain(m *testing.M) {
	if os.Args[0] == guard.Name { // this program starts itself, as zen-lead does
		guard.Main()
		return
	}
	os.Exit(m.Run())
}

// contends plays [lead.Run]: it calls a function with a term that is over already, as after a long stop, and then ends the context of
// Execute.
func contends(t *testing.T, file string, cancelled bool) (run *agent.Run, ctx context.Context, calls *int) {
	t.Helper()
	ctx, end := context.WithCancelCause(t.Context())
	calls = new(int)
	return &agent.Run{Pool: "web", Command: []string{"/bin/sh", "-c", "echo > " + file}, Contend: func(of context.Context, _ string, fn lead.Func, _ ...lead.Option) error {
		if *calls++; *calls > 1 {
			end(agent.SignalError{Signal: 15})
			return lead.ErrReleased
		}
		of, cancel := context.WithCancel(of)
		defer cancel()
		if cancelled {
			cancel()
		}
		return fn(of, lead.Term{Number: 7})
	}}, ctx, calls
}

func TestACommandOfATermThatIsOverIsNotStarted(t *testing.T) {
	for name, cancelled := range map[string]bool{"which this process knows": true, "which the guard alone knows": false} {
		t.Run(name, func(t *testing.T) {
			for range 5 {
				file := filepath.Join(t.TempDir(), "ran")
				run, ctx, calls := contends(t, file, cancelled)
				code, err := run.Execute(ctx, nil)
				if cancelled {
					if *calls != 1 {
						t.Errorf("contended %d times in one tenure", *calls)
					}
				} else if code != 143 || err != nil || *calls != 2 {
					t.Errorf("code %d, %v after contending %d times; want that it contends again until it is told to end", code, err, *calls)
				}
				if _, err := os.Stat(file); err == nil {
					t.Error("the command ran")
				}
			}
		})
	}
}

func TestATimeBelowNothingIsRefused(t *testing.T) {
	run := agent.Run{Pool: "web", Command: []string{"true"}, GracePeriod: -1}
	if code, err := run.Execute(t.Context(), nil); code != agent.CodeFailed || err == nil {
		t.Errorf("code %d, %v", code, err)
	}
}
