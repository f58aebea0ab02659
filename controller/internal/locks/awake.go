package locks

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// tickEvery is how often this process sees that it runs, and stoodStill how long it has seen nothing at least where it stood still: it was
	// frozen, starved, or its machine suspended.
	tickEvery  = 500 * time.Millisecond
	stoodStill = 2 * time.Second
	// wakesFor is how long after that what arrives may be old, and have waited in a buffer.
	wakesFor = 500 * time.Millisecond
)

// awake knows how often this process has stood still.
type awake struct {
	mu sync.Mutex
	// ticked is when it was last seen to run; the zero time where nobody looks. woke is when it last went on.
	ticked, woke time.Time
	times        int
}

// Arrival is when a request came, as far as it matters whether who sent it is still there.
type Arrival struct {
	// times is how often this process had stood still, and just that it had only just gone on.
	times int
	just  bool
}

// Arrives is to be asked as soon as a request has come.
func (k *Keeper) Arrives() Arrival {
	times, just := k.awake.look(k.Now())
	return Arrival{times, just}
}

// Current is nil, or [ErrAway] for a request that has come before this process last stood still, or just after that: who sent it may have had
// the lock by way of another replica meanwhile, and the end of its stream may be yet to come, or be lost.
func (k *Keeper) Current(a Arrival) error {
	if times, _ := k.awake.look(k.Now()); a.just || a.times != times {
		return fmt.Errorf("%w: this replica stood still", ErrAway)
	}
	return nil
}

// stayAwake sees that this process runs until ctx ends.
func (k *Keeper) stayAwake(ctx context.Context) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for told := 0; ctx.Err() == nil; {
		if times := k.awake.tick(k.Now()); times > told {
			log.FromContext(ctx).WithName("locks").Info("This process stood still; who has just asked for a lock asks again", "times", times)
			told = times
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	k.awake.end()
}

// tick notes that this process runs, and returns how often it has stood still.
func (a *awake) tick(now time.Time) (times int) {
	times, _ = a.look(now)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ticked.Before(now) {
		a.ticked = now
	}
	return times
}

// look returns how often this process has stood still, and whether it has just gone on.
func (a *awake) look(now time.Time) (times int, just bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.ticked.IsZero() && since(a.ticked, now) >= stoodStill {
		a.ticked, a.woke = now, now
		a.times++
	}
	return a.times, a.times > 0 && now.Sub(a.woke) < wakesFor
}

func (a *awake) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ticked = time.Time{}
}

// since is by whichever clock says more: the steady one stands still while the machine is suspended. One that is set forward has some ask again.
func since(then, now time.Time) time.Duration {
	return max(now.Sub(then), now.Round(0).Sub(then.Round(0)))
}
