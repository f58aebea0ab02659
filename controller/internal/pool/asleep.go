package pool

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// beatEvery is how often a process shows itself that it runs.
	beatEvery = 100 * time.Millisecond
	// asleepFrom is the gap between two beats from which on the process slept: it was stopped, or its machine was. A
	// starved process counts too; that costs it a few reads.
	asleepFrom = time.Second
	// drowsyFor is how long after a sleep the watches may still be catching up, each by itself.
	drowsyFor = 10 * time.Second
)

// pulse notices that the process was asleep. The zero value has never slept.
type pulse struct {
	mu         sync.Mutex
	last, woke time.Time
}

// beat notes that the process runs.
func (p *pulse) beat(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// The monotonic clock stands still while the machine is suspended, the wall clock does not.
	if gap := max(now.Sub(p.last), now.Round(0).Sub(p.last.Round(0))); !p.last.IsZero() && gap > asleepFrom {
		p.woke = now
	}
	p.last = now
}

// drowsy says whether the process slept a short while ago.
func (p *pulse) drowsy(now time.Time) bool {
	p.beat(now) // the first thing that runs after a sleep may be this
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.woke.IsZero() && now.Sub(p.woke) < drowsyFor
}

// Beat lets the reconciler know that the process runs, until ctx ends. Without it each pause between two passes would
// be taken for a sleep. It is a runnable of a manager.
func (r *Reconciler) Beat(ctx context.Context) error {
	r.pulse.beat(r.Now())
	wait.UntilWithContext(ctx, func(context.Context) { r.pulse.beat(r.Now()) }, beatEvery)
	return nil
}
