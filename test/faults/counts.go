package faults

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// Counts are faults that are known to have happened. The zero value has none; it is safe for concurrent use.
type Counts struct {
	mu   sync.Mutex
	seen map[string]int
}

// Happened counts a fault, if it did happen.
func (c *Counts) Happened(what string, did bool) {
	if !did {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[string]int{}
	}
	c.seen[what]++
}

// All returns how often each happened.
func (c *Counts) All() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.seen)
}

func (c *Counts) String() string {
	seen := c.All()
	said := make([]string, 0, len(seen))
	for _, what := range slices.Sorted(maps.Keys(seen)) {
		said = append(said, fmt.Sprintf("%s %d", what, seen[what]))
	}
	return strings.Join(said, ", ")
}

// Between is a random time.
func Between(dice *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(dice.Int64N(int64(most-least)))
}
