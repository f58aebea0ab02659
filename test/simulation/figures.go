package simulation

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Figure names something that is counted.
type Figure string

// Faults, each of which a run must have seen.
const (
	SlowRequests    Figure = "requests slow"
	RequestsLost    Figure = "requests lost"
	AnswersLost     Figure = "answers lost"
	LateWrites      Figure = "writes landed after their error"
	RequestsRefused Figure = "requests refused"
	TimedOut        Figure = "requests timed out"
	Pauses          Figure = "replicas paused"
	Kills           Figure = "replicas killed"
	WatchesStalled  Figure = "watches stalled"
	WatchesBroken   Figure = "watches broken"
	Crashes         Figure = "API server crashed"
	Hangs           Figure = "API server hung"
	TornReads       Figure = "decisions with delayed reads"
	HandedOver      Figure = "handovers done"
	Refused         Figure = "handovers refused"
)

// faults are all that must have happened.
var faults = []Figure{
	SlowRequests, RequestsLost, AnswersLost, LateWrites, RequestsRefused, TimedOut, Pauses, Kills, WatchesStalled,
	WatchesBroken, Crashes, Hangs, TornReads, HandedOver, Refused, Conflicts, FencedOff, Collected, Struck,
}

// What else is counted.
const (
	Schedules  Figure = "schedules"
	Writes     Figure = "writes"
	Reconciles Figure = "reconciles"
	Requests   Figure = "requests"
	// Conflicts are 409 to a replica, FencedOff 422 to a role patch.
	Conflicts Figure = "conflicts"
	FencedOff Figure = "role patches fenced off"
	Collected Figure = "objects collected"
	Struck    Figure = "new leaders failed at once"
	Terms     Figure = "terms"
	// LateLeaders are schedules in which a late write made a leader of a term that was over; see final.
	LateLeaders Figure = "late leaders"
	Moves       Figure = "moves"
	// Followed are programs that elect themselves and whose leader was published at the end.
	Followed Figure = "programs followed"
)

// Figures are what a run did. The zero value is ready; methods are safe for concurrent use.
type Figures struct {
	mu     sync.Mutex
	counts map[Figure]int
	// MostTerms is the largest number of terms in one schedule.
	MostTerms int
	// LongestSettling is the longest that pools took to agree after the last fault.
	LongestSettling time.Duration
}

func (f *Figures) count(what Figure, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil {
		f.counts = map[Figure]int{}
	}
	f.counts[what] += n
}

// Add adds the figures of one run to those of many.
func (f *Figures) Add(other *Figures) {
	other.mu.Lock()
	defer other.mu.Unlock()
	for what, n := range other.counts {
		f.count(what, n)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.MostTerms = max(f.MostTerms, other.MostTerms)
	f.LongestSettling = max(f.LongestSettling, other.LongestSettling)
}

// Count returns one figure.
func (f *Figures) Count(what Figure) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[what]
}

func (f *Figures) settled(after time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.LongestSettling = max(f.LongestSettling, after)
}

// Missing lists the faults and acts that never happened.
func (f *Figures) Missing() []Figure {
	var missing []Figure
	for _, what := range slices.Concat(faults, actions()) {
		if f.Count(what) == 0 {
			missing = append(missing, what)
		}
	}
	return missing
}

func (f *Figures) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	names := slices.SortedFunc(maps.Keys(f.counts), func(a, b Figure) int {
		return cmp.Or(cmp.Compare(f.counts[b], f.counts[a]), cmp.Compare(a, b))
	})
	for i, what := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %d", what, f.counts[what])
	}
	fmt.Fprintf(&b, "; at most %d terms in one schedule; settled within %s", f.MostTerms, f.LongestSettling)
	return b.String()
}
