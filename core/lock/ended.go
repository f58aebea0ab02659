package lock

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
)

// remembered is how many ended requests a home knows.
const remembered = 64

// ends are requests that have ended, the last at the end.
type ends []end

// end is how a request ended.
type end struct {
	mark string
	// lost: not by itself, and why, as far as is known.
	lost bool
	why  string
}

// lostSign follows, in the record, the mark of a request that lost the lock.
const lostSign = "!"

// endOf is how a request ended that held the lock before; ended is false where it did not hear of its grant, and waits again, or may.
func (r Record) endOf(q Request) (lost, ended bool) {
	mark := markOf(q)
	switch {
	case slices.Contains(r.Ended, mark):
		return false, true
	case slices.Contains(r.Ended, mark+lostSign):
		return true, true
	}
	return r.Last.Reason != Released, !r.lists(q.ID) && r.Last.Reason != Undelivered
}

// markOf is what is remembered of a request that has ended: 64 bits of a hash of its id, and of the account, so that nobody ends another's.
func markOf(r Request) string {
	sum := sha256.Sum256([]byte(r.Account + "\n" + r.ID))
	return base64.RawURLEncoding.EncodeToString(sum[:8])
}

func (s State) hasEnded(r Request) bool {
	_, ok := s.howEnded(r)
	return ok
}

func (s State) howEnded(r Request) (end, bool) {
	at := s.ended.find(markOf(r))
	if at < 0 {
		return end{}, false
	}
	return s.ended[at], true
}

// hasHeardEnd is the state after another home has ended a request, which may wait here.
func (s State) hasHeardEnd(e end) State {
	if s.ended.find(e.mark) >= 0 {
		return s
	}
	s.ended = finish(s.ended, e)
	if at := slices.IndexFunc(s.queue, func(p *place) bool { return markOf(p.Request) == e.mark }); at >= 0 {
		p := *s.queue[at]
		p.over = true
		s.queue = slices.Clone(s.queue)
		s.queue[at] = &p
	}
	return s
}

// finish returns the list with one more, without changing what others have of it.
func finish(list ends, e end) ends {
	if list.find(e.mark) >= 0 {
		return list
	}
	return append(list[max(0, len(list)-remembered+1):len(list):len(list)], e)
}

func (l ends) find(mark string) int {
	return slices.IndexFunc(l, func(e end) bool { return e.mark == mark })
}

// last are the marks of the last n.
func (l ends) last(n int) []string {
	l = l[max(0, len(l)-n):]
	marks := make([]string, len(l))
	for i, e := range l {
		if marks[i] = e.mark; e.lost {
			marks[i] += lostSign
		}
	}
	return marks
}
