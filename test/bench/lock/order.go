package lock

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"
)

// turnOf is one request, as its contender saw it. Times are since the log began.
type turnOf struct {
	contender int
	sent      time.Duration
	// waited is when it was told first that it waits; 0 where it was not.
	waited  time.Duration
	granted time.Duration
	token   int64
}

// orders are the requests for one lock, of all contenders. It is safe for concurrent use.
type orders struct {
	began time.Time
	mu    sync.Mutex
	all   []turnOf
}

func (o *orders) add(t turnOf) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, t)
}

// inversions counts requests that were granted before another one which was certainly in line when they were sent: it had been told that it
// waits. Tokens tell the order of the grants.
func inversions(all []turnOf) (n int) {
	all = slices.SortedFunc(slices.Values(all), func(a, b turnOf) int { return cmp.Compare(b.token, a.token) })
	inLine := time.Duration(math.MaxInt64) // the first who was in line, of those that were granted later
	for _, t := range all {
		if t.sent > inLine {
			n++
		}
		if t.waited > 0 {
			inLine = min(inLine, t.waited)
		}
	}
	return n
}

// doubled counts tokens that were granted twice.
func doubled(all []turnOf) (n int) {
	seen := map[int64]bool{}
	for _, t := range all {
		if seen[t.token] {
			n++
		}
		seen[t.token] = true
	}
	return n
}
