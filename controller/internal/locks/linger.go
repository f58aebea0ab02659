package locks

import (
	"slices"
	"time"

	"github.com/kube-zen/zen-lead/core/lock"
)

const (
	// handedOver is how long ago a lock was handed over at most for whom it came from to be about to ask again.
	handedOver = 10 * time.Millisecond
	// lingerFor is how long a release waits for that: less than a write takes.
	lingerFor = time.Millisecond
)

// linger has a release wait for a moment where the lock has just come from somebody who may be asking for it again, and nobody else waits: one
// write then does for both. It changes only what is decided together.
func (d *desk) linger() {
	d.mu.Lock()
	lingers := d.keeper.Now().Sub(d.handed) < handedOver && d.state.Waiting() == 0 && hasEvent[lock.Release](d.events) && !hasEvent[lock.Ask](d.events)
	select {
	case <-d.asked: // before
	default:
	}
	d.mu.Unlock()
	if !lingers {
		return
	}
	timer := time.NewTimer(lingerFor)
	defer timer.Stop()
	select {
	case <-d.asked:
	case <-timer.C:
	}
}

func hasEvent[E lock.Event](list []posted) bool {
	return slices.ContainsFunc(list, func(p posted) bool {
		_, is := p.event.(E)
		return is
	})
}
