package lead

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kube-zen/zen-lead/core/kube"
)

// near says whether two moments are one, but for what a write takes.
func near(is, want time.Duration) bool { return is >= want && is < want+20*time.Millisecond }

func TestARenewalCountsFromWhenItWasSentAndNotFromItsAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		var sent time.Time
		w.befalls = func(ctx context.Context, n int, do func() (*kube.Lease, error)) (*kube.Lease, error) {
			switch n {
			case 1:
				w.silent.Store(true) // it would tell of the renewal before its answer
				return do()
			case 2:
				sent = time.Now()
				l, err := do()
				time.Sleep(400 * time.Millisecond)
				return l, err
			}
			return lost(ctx)
		}
		fn, began := calls(atOnce())
		w.contends("a", fn)
		work := <-began
		<-work.ctx.Done()
		if took := time.Since(sent); !near(took, shortest.RenewDeadline) {
			t.Errorf("told %v after the last renewal was sent, want %v", took, shortest.RenewDeadline)
		}
		if cause := context.Cause(work.ctx); !errors.Is(cause, ErrUnknown) {
			t.Errorf("cause %v, want ErrUnknown", cause)
		}
	})
}

func TestATermWhoseRenewalsAreRefusedIsLostForCertain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		w.befalls = func(_ context.Context, n int, do func() (*kube.Lease, error)) (*kube.Lease, error) {
			if n > 1 {
				return nil, errors.New("forbidden")
			}
			return do()
		}
		fn, began := calls(atOnce())
		w.contends("a", fn)
		work := <-began
		<-work.ctx.Done()
		if cause := context.Cause(work.ctx); !errors.Is(cause, ErrLost) {
			t.Errorf("cause %v, want ErrLost: nothing is unknown", cause)
		}
	})
}

func TestATermCountsFromWhenItsFirstWriteWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		w.befalls = func(ctx context.Context, n int, do func() (*kube.Lease, error)) (*kube.Lease, error) {
			if n > 1 {
				return lost(ctx)
			}
			w.silent.Store(true)
			l, err := do()
			time.Sleep(400 * time.Millisecond)
			return l, err
		}
		fn, began := calls(atOnce())
		w.contends("a", fn)
		work := <-began
		<-work.ctx.Done()
		if took := time.Since(w.start); !near(took, shortest.RenewDeadline) {
			t.Errorf("told %v after the term was asked for, want %v", took, shortest.RenewDeadline)
		}
	})
}

func TestWorkThatDoesNotEndEndsTheProcessBeforeOthersMayBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		w.befalls = func(ctx context.Context, n int, do func() (*kube.Lease, error)) (*kube.Lease, error) {
			if n > 1 {
				return lost(ctx)
			}
			return do()
		}
		stuck := make(chan struct{})
		fn, began := calls(stuck)
		a := w.contends("a", fn)
		<-began
		select {
		case at := <-a.exited:
			if took := at.Sub(w.start); !near(took, shortest.Lease*95/100-lastWords) {
				t.Errorf("the process exits after %v", took)
			}
		case <-time.After(time.Minute):
			t.Error("the process does not exit")
		}
		close(stuck)
	})
}

func TestTheTermIsGivenUpOnceTheWorkHasReturnedAndNoSooner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		release := make(chan struct{})
		fn, began := calls(release)
		a := w.contends("a", fn)
		work := <-began
		a.cancel()
		<-work.ctx.Done()
		time.Sleep(10 * shortest.Lease)
		if h := w.holder(); h != "a" {
			t.Errorf("%q holds the Lease while the work of a has not returned", h)
		}
		if work.term.Err() != nil {
			t.Errorf("the term ended while the work ends: %v", work.term.Err())
		}
		close(release)
		if err := <-a.done; !errors.Is(err, ErrReleased) {
			t.Errorf("Run returns %v", err)
		}
		if h := w.holder(); h != "" {
			t.Errorf("%q holds the Lease", h)
		}
	})
}

func TestASuccessorEndsTheTermOnceItIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		fn, began := calls(atOnce())
		w.contends("a", fn)
		work := <-began
		theirs, next := calls(atOnce())
		w.contends("b", theirs)
		time.Sleep(time.Second)
		w.annotate("zen-lead/successor", "b")
		named := time.Now()
		select {
		case <-work.ctx.Done():
		case <-time.After(time.Minute):
			t.Fatal("nobody is told")
		}
		if cause := context.Cause(work.ctx); !errors.Is(cause, ErrReleased) {
			t.Errorf("cause %v, want ErrReleased", cause)
		}
		<-next
		if took := time.Since(named); !near(took, 0) {
			t.Errorf("the successor begins after %v", took)
		}
	})
}

func TestADeletedLeaseEndsTheTermAndTheNextBeginsAfterItsDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		fn, began := calls(atOnce())
		w.contends("a", fn)
		first := <-began
		w.remove()
		deleted := time.Now()
		<-first.ctx.Done()
		if cause := context.Cause(first.ctx); !errors.Is(cause, ErrLost) || time.Since(deleted) != 0 {
			t.Errorf("cause %v after %v, want ErrLost at once", cause, time.Since(deleted))
		}
		second := <-began
		if took := time.Since(deleted); !near(took, 3150*time.Millisecond) {
			t.Errorf("the next term begins after %v", took)
		}
		if second.term.Number <= first.term.Number {
			t.Errorf("term %d follows %d", second.term.Number, first.term.Number)
		}
	})
}

// A process that gives up while its renewal is under way must find out what became of it.
func TestAReleaseAndARenewalMayOvertakeOneAnother(t *testing.T) {
	first := map[bool]int{}
	for range 500 {
		synctest.Test(t, func(t *testing.T) {
			w := newWire(t)
			renewing := make(chan struct{})
			late := func() { time.Sleep(rand.N(8 * time.Millisecond)) }
			landed := make(chan bool, 1)
			w.befalls = func(ctx context.Context, n int, do func() (*kube.Lease, error)) (*kube.Lease, error) {
				type answer struct {
					lease *kube.Lease
					err   error
				}
				answered := make(chan answer, 1)
				go func() {
					if n > 1 {
						late()
					}
					l, err := do()
					if n == 2 {
						landed <- err == nil
					}
					if n > 1 {
						late()
					}
					answered <- answer{l, err}
				}()
				if n == 2 {
					close(renewing)
				}
				select {
				case a := <-answered:
					return a.lease, a.err
				case <-ctx.Done():
					return lost(ctx)
				}
			}
			a := w.contends("a", func(context.Context, Term) error {
				<-renewing
				late()
				return nil
			})
			if err := <-a.done; err != nil {
				t.Error(err)
			}
			first[<-landed]++
			if h := w.holder(); h != "" {
				t.Errorf("%s holds the Lease, and has given it up", h)
			}
		})
	}
	if first[true] == 0 || first[false] == 0 {
		t.Errorf("the renewal was done in %d, refused in %d: it shows nothing", first[true], first[false])
	}
}

func TestWhatIsLeftOfATermIsCountedFromItsLastRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		w.befalls = func(ctx context.Context, n int, do func() (*kube.Lease, error)) (*kube.Lease, error) {
			if n > 2 {
				return lost(ctx)
			}
			return do()
		}
		returns := make(chan struct{})
		defer close(returns)
		fn, began := calls(returns)
		w.contends("a", fn)
		work := <-began
		changed, left := work.term.Changed(), work.term.Left()
		if !near(shortest.RenewDeadline-left.Work, 0) || !near(shortest.Lease*95/100-left.Hard, 0) {
			t.Errorf("at its begin %v are left", left)
		}
		<-changed
		if renewed := work.term.Left(); !near(shortest.RenewDeadline-renewed.Work, 0) {
			t.Errorf("once it was renewed %v are left", renewed)
		}
		<-work.ctx.Done()
		left = work.term.Left()
		if left.Work > 0 || !near(left.Hard, shortest.Lease*95/100-shortest.RenewDeadline) {
			t.Errorf("at the end of its work %v are left", left)
		}
	})
}

func TestNothingIsLeftForWorkOfATermThatWasTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		returns := make(chan struct{})
		defer close(returns)
		fn, began := calls(returns)
		w.contends("a", fn)
		work := <-began
		w.remove()
		<-work.ctx.Done()
		if left := work.term.Left(); left.Work > 0 || left.Hard <= 0 {
			t.Errorf("%v are left", left)
		}
	})
}

// A write that the function has left behind must not go on beside the next term, which may begin at once.
func TestNothingIsLeftOfATermOnceItsWorkHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		var ended Term
		var changed <-chan struct{}
		a := w.contends("a", func(_ context.Context, term Term) error {
			ended, changed = term, term.Changed()
			return nil
		})
		if err := <-a.done; err != nil {
			t.Fatal(err)
		}
		if left := ended.Left(); left.Work > 0 || left.Hard > 0 {
			t.Errorf("%v are left", left)
		}
		select {
		case <-changed:
		default:
			t.Error("nobody was told")
		}
	})
}
