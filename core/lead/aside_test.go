package lead

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kube-zen/zen-lead/core/kube"
)

// stuck is a log whose reader is gone: whoever writes to it waits.
type stuck struct {
	slog.Handler
	freed <-chan struct{}
}

func (h stuck) Enabled(context.Context, slog.Level) bool  { return true }
func (h stuck) Handle(context.Context, slog.Record) error { <-h.freed; return nil }

func TestALogThatStandsStillHoldsUpNoEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		freed := make(chan struct{})
		t.Cleanup(func() { close(freed) })
		w.log = slog.New(stuck{slog.DiscardHandler, freed})
		w.befalls = func(ctx context.Context, n int, do func() (*kube.Lease, error)) (*kube.Lease, error) {
			if n > 1 {
				return lost(ctx)
			}
			return do()
		}
		began, release := make(chan context.Context, 1), make(chan struct{})
		a := w.contends("a", func(ctx context.Context, _ Term) error {
			began <- ctx
			<-release
			return ctx.Err()
		})
		var work context.Context
		select {
		case work = <-began:
		case <-time.After(time.Minute):
			t.Fatal("nobody leads")
		}
		select {
		case <-work.Done():
			if took := time.Since(w.start); !near(took, shortest.RenewDeadline) {
				t.Errorf("the work is told after %v", took)
			}
		case <-time.After(time.Minute):
			t.Error("the work is not told")
		}
		select {
		case at := <-a.exited:
			if took := at.Sub(w.start); took > shortest.HardStop() {
				t.Errorf("the process exits after %v", took)
			}
		case <-time.After(time.Minute):
			t.Error("the process does not exit")
		}
		close(release)
	})
}
