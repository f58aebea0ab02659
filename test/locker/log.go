package locker

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/kube-zen/zen-lead/test/election"
)

// Entry is an event of a process.
type Entry struct {
	Process *Process
	Event
}

// Log is what befell lockers: of each in order, of several in the order in which it was heard. It is safe for concurrent use.
type Log struct {
	mu      sync.Mutex
	entries []Entry
	counts  map[string]int
	changed chan struct{} // closed and replaced by each entry
}

// NewLog returns an empty log.
func NewLog() *Log { return &Log{counts: map[string]int{}, changed: make(chan struct{})} }

func (l *Log) note(p *Process, e Event) {
	if e.At == 0 {
		e.At = election.Now()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, Entry{p, e})
	l.counts[e.Name]++
	close(l.changed)
	l.changed = make(chan struct{})
}

// Count is how many events of a name were noted.
func (l *Log) Count(name string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[name]
}

// Entries returns what was noted so far.
func (l *Log) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// Await waits for the first event of a name later than after. p nil: of any process.
func (l *Log) Await(ctx context.Context, p *Process, name string, after time.Duration) (Entry, error) {
	for from := 0; ; {
		l.mu.Lock()
		entries, changed := l.entries, l.changed
		l.mu.Unlock()
		for _, e := range entries[from:] {
			if e.At > after && e.Name == name && (p == nil || e.Process == p) {
				return e, nil
			}
		}
		from = len(entries)
		select {
		case <-changed:
		case <-ctx.Done():
			return Entry{}, fmt.Errorf("await %q: %w", name, context.Cause(ctx))
		}
	}
}
