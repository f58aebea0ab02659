package api

import (
	"context"
	"sync/atomic"
	"time"
)

// lookEvery is how often it is looked whether the API server is lost.
const lookEvery = time.Second

// tide tells everybody at once when the API server is lost, and when it is back.
type tide struct {
	next atomic.Pointer[chan struct{}]
}

func newTide() *tide {
	t := &tide{}
	t.next.Store(new(make(chan struct{})))
	return t
}

// changed is closed at the next change.
func (t *tide) changed() <-chan struct{} { return *t.next.Load() }

func (t *tide) turn() { close(*t.next.Swap(new(make(chan struct{})))) }

// run looks until ctx ends.
func (t *tide) run(ctx context.Context, lost func() bool) {
	every := time.NewTicker(lookEvery)
	defer every.Stop()
	for was := lost(); ; {
		select {
		case <-every.C:
			if is := lost(); is != was {
				was = is
				t.turn()
			}
		case <-ctx.Done():
			return
		}
	}
}
