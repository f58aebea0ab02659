package replica

import (
	"sync"
	"time"
)

// Lost is how long nothing may be heard of the API server until it counts as lost.
const Lost = duration

// echo knows how current the watch of Leases is: once this replica's own renewal comes back by it, all that was written before the
// renewal was sent has come too, as a watch tells in the order of the writes.
type echo struct {
	mu sync.Mutex
	// renewed is the time that the last renewal bears, and at when it was sent, by the clock that does not jump.
	renewed, at time.Time
	heard       time.Time
}

func (e *echo) sent(renewed, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.renewed, e.at = renewed, at
}

// back notes a renewal that came back.
func (e *echo) back(renewed time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if renewed.Equal(e.renewed) {
		e.heard = e.at
	}
}

// Heard returns a moment before which everything that was written to Leases is known here; the zero time while nothing is
// known.
func (r *Replica) Heard() time.Time {
	r.echo.mu.Lock()
	defer r.echo.mu.Unlock()
	return r.echo.heard
}
