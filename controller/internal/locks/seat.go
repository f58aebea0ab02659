package locks

import (
	"time"

	"github.com/kube-zen/zen-lead/core/lock"
)

// How often who waits is told of its place at most: with a thousand who wait each hand-over moves all of them. tellOneEvery bounds how many are told
// in a second, however many wait: who is far from being next need not know every second how far.
const (
	tellEvery    = time.Second
	tellOneEvery = 10 * time.Millisecond
)

// sentAwayAfter is how long somebody waits here at least although another replica is the lock's home: it may not be reached from here.
const sentAwayAfter = 5 * time.Second

// Place is a place in the queue.
type Place struct {
	// Number is 1 for who is next.
	Number int
	// Holder is who holds the lock, for people.
	Holder string
}

// Seat is where a request hears what becomes of it. Whoever took it gives it back by Leave.
type Seat struct {
	// Answer brings one answer. Its Holder is set where the lock is granted.
	Answer <-chan lock.Answer
	// Places brings the place whenever it is another, the newest only.
	Places <-chan Place

	desk *desk
	// term is the replica's name when it was asked.
	term    string
	id      string
	account string
	attempt int64
	stream  uint64
	since   time.Time
	until   time.Time // the zero time where it waits as long as it takes
	answer  chan lock.Answer
	places  chan Place
	told    Place
}

func newSeat(d *desk, term string, a lock.Ask) *Seat {
	s := &Seat{
		desk: d, term: term, id: a.ID, account: a.Account, attempt: a.Attempt, stream: a.Stream, since: a.Came, until: a.Until, answer: make(chan lock.Answer, 1), places: make(chan Place, 1),
	}
	s.Answer, s.Places = s.answer, s.places
	return s
}

// Leave says that nobody listens any more, and whether the request was told what became of it. If not, it keeps its place for a while, and a
// lock that it was granted meanwhile goes to the next.
func (s *Seat) Leave(told bool) { s.desk.leave(s, told) }

// end tells the answer. It is told once.
func (s *Seat) end(a lock.Answer) {
	select {
	case s.answer <- a:
	default:
	}
}

// tell tells the place, in place of one that was not read yet.
func (s *Seat) tell(p Place) {
	if p == s.told {
		return
	}
	s.told = p
	select {
	case <-s.places:
	default:
	}
	s.places <- p
}

// callAgain has those ask again who came when this replica had another name, and returns what is to be dealt with instead of a batch: that
// they have left. It stood still since, or was cut off: they may have had the lock elsewhere meanwhile, and be gone, of which it is yet to
// hear. The mutex is held.
func (d *desk) callAgain(batch []posted, term string) (list []posted) {
	for id, s := range d.seats {
		if s.term != term {
			s.end(lock.Answer{ID: id, Err: ErrUnknown})
			delete(d.seats, id)
			list = append(list, posted{event: lock.Leave{ID: id, Stream: s.stream}})
		}
	}
	for _, p := range batch {
		if p.seat == nil || p.seat.term == term {
			list = append(list, p)
		} else {
			p.seat.end(lock.Answer{ID: p.seat.id, Err: ErrUnknown})
		}
	}
	return list
}

// sendAway has those who wait here ask again, where another replica is the lock's home by now, or this one does not count. That other hands
// the lock over by one write as long as somebody waits there, so that who waits here might wait for ever. And those who have waited for
// long enough, which could not be told as the API server is away.
func (d *desk) sendAway(now time.Time) {
	self, counts := d.keeper.Self.Term()
	home, address := d.keeper.Self.Home(d.name)
	stay := counts && (home == self || address == "")
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.seats {
		over := !s.until.IsZero() && now.Sub(s.until) > requestTimeout
		if over || !stay && now.Sub(s.since) >= sentAwayAfter {
			s.end(lock.Answer{ID: s.id, Err: ErrUnknown})
		}
	}
}

// moved says that the lock's home is another than when this desk last decided: who waits is written down by the home alone.
func (d *desk) moved() bool {
	self, _ := d.keeper.Self.Term()
	home, _ := d.keeper.Self.Home(d.name)
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.busy && d.state.Waiting() > 0 && d.state.Guest != (home != self)
}
