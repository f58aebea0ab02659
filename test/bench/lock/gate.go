package lock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// gate counts who comes by with the lock, one at a time, and can be closed: then the holder stands there, everybody else stays in line behind
// him, and another program has its turn.
type gate struct {
	mu     sync.Mutex
	open   chan struct{} // closed while it is open
	stands chan struct{} // closed once somebody stands there
	passed int
	inside int
	last   int
}

// errTwoHolders is what no lock may do.
var errTwoHolders = errors.New("two hold the lock at once")

// newGate returns one that is closed.
func newGate() *gate { return &gate{open: make(chan struct{}), stands: make(chan struct{}), last: -1} }

// pass is for who holds the lock: it returns when he is to give it up.
func (g *gate) pass(ctx context.Context, who int) error {
	g.mu.Lock()
	if g.inside++; g.inside > 1 {
		g.mu.Unlock()
		return fmt.Errorf("%w: contender %d and %d", errTwoHolders, g.last, who)
	}
	g.last = who
	for {
		open := g.open
		select {
		case <-open:
			g.passed++
			g.inside--
			g.mu.Unlock()
			return nil
		default:
		}
		select {
		case <-g.stands:
		default:
			close(g.stands)
		}
		g.mu.Unlock()
		select {
		case <-open:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		g.mu.Lock()
	}
}

// let opens it for a while, and returns how many passed in how much time. What comes before warmUp has passed does not count.
func (g *gate) let(ctx context.Context, warmUp, length time.Duration) (passed int, took time.Duration, err error) {
	g.mu.Lock()
	g.stands = make(chan struct{})
	close(g.open)
	g.mu.Unlock()
	if err := pause(ctx, warmUp); err != nil {
		return 0, 0, err
	}
	before, began := g.count(), time.Now()
	if err := pause(ctx, length); err != nil {
		return 0, 0, err
	}
	passed, took = g.count()-before, time.Since(began)
	g.mu.Lock()
	g.open = make(chan struct{})
	g.mu.Unlock()
	return passed, took, g.await(ctx)
}

// await waits until somebody stands at the closed gate.
func (g *gate) await(ctx context.Context) error {
	g.mu.Lock()
	stands := g.stands
	g.mu.Unlock()
	select {
	case <-stands:
		return nil
	case <-time.After(patience):
		return errors.New("nobody gets the lock")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.passed
}
