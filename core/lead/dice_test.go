package lead

import (
	"math/rand/v2"
	"sync"
	"time"
)

// dice are thrown for one purpose of one process, so that a seed tells one story however goroutines take turns.
type dice struct {
	mu  *sync.Mutex
	rnd *rand.Rand
}

func newDice(seed, stream uint64) dice {
	return dice{new(sync.Mutex), rand.New(rand.NewPCG(seed, stream))}
}

func (d dice) float() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rnd.Float64()
}

// intN returns a random number from 0 to n-1.
func (d dice) intN(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rnd.IntN(n)
}

func (d dice) chance(p float64) bool { return d.float() < p }

// between returns a random time from least to most.
func (d dice) between(least, most time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return least + time.Duration(d.rnd.Int64N(int64(most-least)+1))
}
