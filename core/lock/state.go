package lock

import (
	"slices"
	"strings"
	"time"
)

const (
	// Margin is how far apart the rates of two clocks may be, as a part of one.
	Margin = 0.05
	// Grace is how long who waits may be without a stream until its place is given up.
	Grace = 10 * time.Second
	// NoteAfter is how long the record may say something else of the queue than there is. A hand-over tells it along; a write for that
	// alone must be worth it.
	NoteAfter = time.Second
)

// Wait is how long to wait, on one's own clock, for another's duration to have passed on its clock.
func Wait(d time.Duration) time.Duration { return d + time.Duration(float64(d)*Margin) }

// State is a lock as a home knows it: the record, and what is not durable. The zero State with Home set is a lock that nobody ever held.
type State struct {
	// Home is who this is.
	Home string
	// Record is as it was last read or written, and Version the version of that.
	Record  Record
	Version int64
	// MaxWaiters is how many may wait.
	MaxWaiters int

	// heard is when this home last heard of the holder, or began to count.
	heard time.Time
	// unheard is the place that the holder had until this home granted it the lock, while that stream alone can have told it; else nil.
	unheard *place
	// Silent is since when the holder's home, if that is another, was seen to be silent; the zero time while it is not. HomeLasts is how
	// long a home may go on without being seen.
	Silent    time.Time
	HomeLasts time.Duration
	// NotBefore: nothing is granted before that.
	NotBefore time.Time
	// Guest: who waits is sent to another home. This one leaves the record's waiters to that.
	Guest bool

	// queue is who waits, in the order of arrival. What it points to is not changed.
	queue []*place
	// ended are requests that have ended, the last at the end.
	ended ends
	// dropped are waiters of the record that have lost their places here.
	dropped []string
	// untold is since when the record says something else of the queue.
	untold time.Time
	// visited: it was a guest when it was last dealt with.
	visited bool
}

// place is one place in the queue.
type place struct {
	Waiter
	ttl    time.Duration
	try    bool
	until  time.Time
	stream uint64
	came   time.Time
	// attempt is that of the last Ask.
	attempt int64
	// recorded: the record alone says that it waits.
	recorded bool
	// elsewhere: another home may have heard of it.
	elsewhere bool
	// over: another home granted it the lock, and that has ended.
	over bool
	// away is since when it has no stream; the zero time while it has one.
	away time.Time
}

// Read returns the state after the record was read, written by whoever; [State.Next] is to be called then. What another home wrote down of
// the queue counts before what is known here: those have waited longer. They are away until they come.
func (s State) Read(r Record, version int64, now time.Time) State {
	was, h := s.Record.Holder, r.Holder
	if was != nil && (h == nil || h.ID != was.ID) {
		if lost, ended := r.endOf(was.Request); ended {
			s = s.hasHeardEnd(end{mark: markOf(was.Request), lost: lost, why: r.Last.Message})
		}
	}
	for _, said := range r.Ended {
		mark, lost := strings.CutSuffix(said, lostSign)
		s = s.hasHeardEnd(end{mark: mark, lost: lost})
	}
	if h == nil || was == nil || was.ID != h.ID || was.Token != h.Token || was.Home != h.Home || was.Attempt != h.Attempt {
		s.heard, s.Silent, s.unheard = now, time.Time{}, nil
	}
	s.Record, s.Version = r, version
	s.queue = s.merge(now)
	s.dropped = slices.DeleteFunc(slices.Clone(s.dropped), func(id string) bool { return !r.lists(id) })
	return s
}

// merge is the queue with those whom the record lists.
func (s State) merge(now time.Time) []*place {
	queue := make([]*place, 0, len(s.queue)+len(s.Record.Waiters))
	first := map[string]bool{}
	for _, w := range s.Record.Waiters {
		if h := s.Record.Holder; s.hasEnded(w.Request) || slices.Contains(s.dropped, w.ID) || h != nil && h.ID == w.ID || first[w.ID] {
			continue
		}
		p := &place{Waiter: w, recorded: true, away: now}
		if at := s.find(w.ID); at >= 0 {
			p = s.queue[at]
		}
		first[w.ID] = true
		queue = append(queue, p)
	}
	for _, p := range s.queue {
		if !first[p.ID] && !p.recorded { // whom the record alone knew its home has taken off
			queue = append(queue, p)
		}
	}
	return queue
}

func (r Record) lists(id string) bool {
	return slices.ContainsFunc(r.Waiters, func(w Waiter) bool { return w.ID == id })
}

// Heard is a sign of life of the holder, if this is its home.
func (s State) Heard(now time.Time) State {
	s.heard, s.unheard = now, nil
	return s
}

// Begun has the time of a holder begin: its grant is written, and nobody was told before.
func (s State) Begun(now time.Time) State {
	s.heard = now
	return s
}

// Keeps says whether a request holds the lock and this home keeps it: a sign of life of it then needs no write.
func (s State) Keeps(id string, token int64) bool {
	h := s.Record.Holder
	return h != nil && h.ID == id && h.Token == token && h.Home == s.Home && h.Forced == nil
}

// Knows says whether what became of a request of an account is known here: it holds the lock, waits here, or has ended.
func (s State) Knows(id, account string) bool {
	if h := s.Record.Holder; h != nil && h.ID == id {
		return true
	}
	at := s.find(id)
	return at >= 0 && !s.queue[at].recorded && !s.queue[at].elsewhere || s.hasEnded(Request{ID: id, Account: account})
}

// Minds says whether the end of a stream changes anything.
func (s State) Minds(e Leave) bool {
	at := s.find(e.ID)
	return at >= 0 && s.queue[at].stream == e.Stream || s.unheard != nil && s.unheard.ID == e.ID && s.unheard.stream == e.Stream
}

// Frees is when the holder's time passes, as far as is known now. ok is false while nobody holds the lock, or another home keeps the
// holder.
func (s State) Frees() (at time.Time, ok bool) {
	h := s.Record.Holder
	switch {
	case h == nil:
		return time.Time{}, false
	case h.Home == s.Home:
		return s.heard.Add(Wait(h.TTL)), true
	case s.Silent.IsZero():
		return time.Time{}, false
	}
	return s.Silent.Add(Wait(s.HomeLasts) + Wait(h.TTL)), true
}

// Waiting is how many wait.
func (s State) Waiting() int { return len(s.queue) }

// Place is the place of a request in the queue, 1 for who is next; waits is false where it has none.
func (s State) Place(id string) (number int, waits bool) {
	at := s.find(id)
	return at + 1, at >= 0
}

// Queue lists who waits, next first.
func (s State) Queue() []Waiter {
	list := make([]Waiter, len(s.queue))
	for i, p := range s.queue {
		list[i] = p.Waiter
	}
	return list
}

// Due is when the next thing happens by itself to a state that Next returned; ok is false if nothing will.
func (s State) Due() (at time.Time, ok bool) {
	earliest := func(t time.Time) {
		if !t.IsZero() && (!ok || t.Before(at)) {
			at, ok = t, true
		}
	}
	if t, frees := s.Frees(); frees {
		earliest(t)
	}
	for _, p := range s.queue {
		earliest(p.until)
		earliest(s.expires(p))
	}
	if s.Record.Holder == nil && slices.ContainsFunc(s.queue, (*place).present) {
		earliest(s.NotBefore)
	}
	if !s.untold.IsZero() {
		earliest(s.untold.Add(NoteAfter))
	}
	return at, ok
}

// expires is when a place is lost whose stream has ended; the zero time while it is not.
func (s State) expires(p *place) time.Time {
	if p.present() || p.recorded && s.Guest { // where it waits it may have a stream
		return time.Time{}
	}
	return p.away.Add(Grace)
}

func (p *place) present() bool { return p.away.IsZero() }

func (s State) find(id string) int {
	return slices.IndexFunc(s.queue, func(p *place) bool { return p.ID == id })
}

// After returns s, which came of was by Next, where meanwhile was went on hearing of its holder.
func (s State) After(was State) State {
	if a, b := s.Record.Holder, was.Record.Holder; a != nil && b != nil && a.Token == b.Token && was.heard.After(s.heard) {
		s.heard, s.unheard = was.heard, was.unheard
	}
	return s
}
