package lead

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kube-zen/zen-lead/core/kube"
)

// A write whose outcome is not known may arrive after the read that did not find it.
func TestAnUnknownAcquisitionIsSettledBeforeRunReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		landed := make(chan error, 1)
		w.befalls = func(ctx context.Context, n int, do func() (*kube.Lease, error)) (*kube.Lease, error) {
			if n > 1 {
				return do()
			}
			go func() {
				time.Sleep(2 * time.Second)
				_, err := do()
				landed <- err
			}()
			return lost(ctx)
		}
		fn, _ := calls(atOnce())
		a := w.contends("a", fn)
		time.Sleep(100 * time.Millisecond)
		a.cancel()
		if err := <-a.done; !errors.Is(err, ErrReleased) {
			t.Errorf("Run returns %v", err)
		}
		if err := <-landed; !errors.Is(err, kube.ErrChanged) {
			t.Errorf("the late write: %v, want a conflict", err)
		}
		if h := w.holder(); h != "" {
			t.Errorf("%s holds the Lease, and contends no more", h)
		}
	})
}

func TestAnAcquisitionThatCameTooLateIsGivenUpBeforeRunReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		w.befalls = func(ctx context.Context, n int, do func() (*kube.Lease, error)) (*kube.Lease, error) {
			if time.Since(w.start) > shortest.RenewDeadline+600*time.Millisecond {
				return do()
			}
			if n == 1 {
				time.AfterFunc(shortest.RenewDeadline+400*time.Millisecond, func() { _, _ = do() })
			}
			return lost(ctx)
		}
		fn, began := calls(atOnce())
		a := w.contends("a", fn)
		time.Sleep(shortest.RenewDeadline + 500*time.Millisecond)
		if h := w.holder(); h != "a" {
			t.Fatalf("%q holds the Lease: the test shows nothing", h)
		}
		a.cancel()
		if err := <-a.done; !errors.Is(err, ErrReleased) {
			t.Errorf("Run returns %v", err)
		}
		if h := w.holder(); h != "" {
			t.Errorf("%s holds the Lease, and contends no more", h)
		}
		if len(began) > 0 {
			t.Error("the function was called in a term that was over")
		}
	})
}
