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

	desk   *desk
	id     string
	stream uint64
	answer chan lock.Answer
	places chan Place
	told   Place
}

func newSeat(d *desk, id string, stream uint64) *Seat {
	s := &Seat{desk: d, id: id, stream: stream, answer: make(chan lock.Answer, 1), places: make(chan Place, 1)}
	s.Answer, s.Places = s.answer, s.places
	return s
}

// Leave says that nobody listens any more. The request keeps its place for a while.
func (s *Seat) Leave() { s.desk.leave(s) }

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
