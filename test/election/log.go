package election

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Entry is an event of a member.
type Entry struct {
	Member *Member
	Event
}

// Log is what befell members, in one list. It is safe for concurrent use.
type Log struct {
	mu      sync.Mutex
	entries []Entry
	changed chan struct{} // closed and replaced by each entry
}

// NewLog returns an empty log.
func NewLog() *Log { return &Log{changed: make(chan struct{})} }

// Follow takes over the member's events, and notes "gone" when its process has ended.
func (l *Log) Follow(m *Member) {
	go func() {
		for e := range m.Events {
			l.add(Entry{m, e})
		}
		l.Note(m, "gone")
	}()
}

// Note adds an event that the member does not tell itself: it is frozen, resumed, and so on.
func (l *Log) Note(m *Member, name string) { l.add(Entry{m, Event{At: Now(), Name: name}}) }

func (l *Log) add(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, e)
	close(l.changed)
	l.changed = make(chan struct{})
}

// Entries returns what was noted so far, by time.
func (l *Log) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Clone(l.entries)
	slices.SortStableFunc(all, func(a, b Entry) int { return cmp.Compare(a.At, b.At) })
	return all
}

// Await waits for the first event of a name later than after. m nil: of any member.
func (l *Log) Await(ctx context.Context, m *Member, name string, after time.Duration) (Entry, error) {
	for {
		l.mu.Lock()
		entries, changed := l.entries, l.changed
		l.mu.Unlock()
		for _, e := range entries {
			if e.At > after && e.Name == name && (m == nil || e.Member == m) {
				return e, nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Entry{}, fmt.Errorf("await %q: %w", name, context.Cause(ctx))
		}
	}
}

// Work is one call of a member's function.
type Work struct {
	Member *Member
	Term   int64
	Began  time.Duration
	// Told and Ended are 0 where that did not happen yet.
	Told, Ended time.Duration
	Cause       string
	// Frozen: its process stood still in it, from Froze.
	Frozen  bool
	Froze   time.Duration
	Resumed time.Duration
}

// Works returns the calls, in the order in which they began.
func (l *Log) Works() []Work {
	var works []*Work
	running, frozen := map[*Member]*Work{}, map[*Member]time.Duration{}
	for _, e := range l.Entries() {
		w := running[e.Member]
		switch e.Name {
		case "began":
			w = &Work{Member: e.Member, Term: e.Term, Began: e.At}
			running[e.Member], works = w, append(works, w)
		case "frozen":
			frozen[e.Member] = e.At
		}
		if w == nil {
			continue
		}
		switch e.Name {
		case "frozen":
			w.Frozen, w.Froze = true, e.At
		case "resumed":
			w.Resumed = e.At
			// The freeze is noted before it happens: a work may have begun, or ended, between the two.
			w.Frozen, w.Froze = true, frozen[e.Member]
		case "told":
			w.Told, w.Cause = e.At, e.Cause
		case "ended", "gone":
			w.Ended = e.At
			delete(running, e.Member)
		}
	}
	all := make([]Work, 0, len(works))
	for _, w := range works {
		all = append(all, *w)
	}
	return all
}

func (w Work) String() string {
	return fmt.Sprintf("%s in term %d from %v to %v", w.Member.Identity, w.Term, w.Began, w.Ended)
}

// Check fails where two works ran at once, but for one whose process stood still, or a term was not larger than all before.
func (l *Log) Check() error {
	works := l.Works()
	var wrong []error
	var top int64
	for i, w := range works {
		for _, earlier := range works[:i] {
			if earlier.Ended != 0 && earlier.Ended <= w.Began {
				continue
			}
			if earlier.Frozen && earlier.Froze < w.Began {
				continue // the fence is for that
			}
			wrong = append(wrong, fmt.Errorf("two work at once: %v, and %v", earlier, w))
		}
		if w.Term != 0 && w.Term <= top {
			wrong = append(wrong, fmt.Errorf("%v: not above %d", w, top))
		}
		top = max(top, w.Term)
	}
	return errors.Join(wrong...)
}
