package locks

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// tickEvery is how often this process sees that it runs, and stoodStill how long it has seen nothing at least where it stood still: it was
	// frozen, or starved. Who asks waits longer for an answer before it asks elsewhere.
	tickEvery  = 500 * time.Millisecond
	stoodStill = 2 * time.Second
	// wakesFor is how long after that a request may be an old one, which waited in a buffer: who sent it may have had the lock elsewhere
	// meanwhile, and the end of its stream may have been lost.
	wakesFor = 500 * time.Millisecond
)

// awake knows how often this process has stood still.
type awake struct {
	mu sync.Mutex
	// ticked is when it last was seen to run; the zero time before the first time. woke is when it last went on.
	ticked, woke time.Time
	times        int
}

// run sees that this process runs until ctx ends.
func (a *awake) run(ctx context.Context, now func() time.Time) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		a.look(now())
		a.mu.Lock()
		a.ticked = now()
		a.mu.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// look returns how often this process has stood still, and whether it has just gone on.
func (a *awake) look(now time.Time) (times int, just bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.ticked.IsZero() && now.Sub(a.ticked) >= stoodStill {
		a.ticked, a.woke = now, now
		a.times++
	}
	return a.times, a.times > 0 && now.Sub(a.woke) < wakesFor
}

// Awake is nil, or ErrUnknown where this process has just stood still: whoever asks then and is there asks again.
func (k *Keeper) Awake() error {
	if _, just := k.awake.look(k.Now()); just {
		return fmt.Errorf("%w: this replica stood still", ErrUnknown)
	}
	return nil
}

// session is what those who wait came in: another one where this replica has another name since, or stood still.
func (k *Keeper) session(name string) string {
	times, _ := k.awake.look(k.Now())
	return fmt.Sprintf("%s/%d", name, times)
}
