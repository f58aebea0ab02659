package lock

import (
	"errors"
	"time"
)

// What becomes of what was asked. The outcomes are never folded into one another.
var (
	// ErrHeld: somebody else has the lock, and it was not to be waited for, or not longer.
	ErrHeld = errors.New("somebody else holds the lock")
	// ErrFull: too many wait.
	ErrFull = errors.New("too many wait for the lock")
	// ErrLost: the lock is not held by this request any more, or never was.
	ErrLost = errors.New("the lock is lost")
	// ErrFinished: this request has ended, and gets no second token.
	ErrFinished = errors.New("the request has ended")
	// ErrForeign: another account asked for the lock.
	ErrForeign = errors.New("another account holds the lock")
	// ErrOvertaken: a later attempt of the same request was heard of before this one. Who made the later one goes by its answer.
	ErrOvertaken = errors.New("a later attempt of the request has overtaken this one")
)

// Event is something that happened to a lock: [Ask], [Leave], [Release], [Renew] or [Force].
type Event interface{ isEvent() }

// Ask is a request for the lock, or the same one again.
type Ask struct {
	Request
	// Attempt is larger with each Ask and Renew of this request. One that is late moves nothing then: who sent it hears another home
	// by now. 0: it is not counted, and whatever comes last counts.
	Attempt int64
	TTL     time.Duration
	// Try: not to be waited for.
	Try bool
	// Until is when it is no longer waited for; the zero time is never.
	Until time.Time
	// Stream is where who asks hears the answer: another each time.
	Stream uint64
	// Came is when the request arrived here.
	Came time.Time
}

// Leave is the end of a stream on which nothing was told. Who asked may come back, and keeps its place for a while. A lock that it was granted
// meanwhile goes to the next: it has not heard.
type Leave struct {
	ID     string
	Stream uint64
}

// Release gives up the lock, or the wait for it. Where it changes nothing in the record, its answer is as old as the record is: read it
// after the Release came. The same goes for [Renew] and [Force].
type Release struct {
	ID, Account string
	// Token is the holder's; 0 ends the request whatever has become of it.
	Token int64
	// Settle: where another home may be writing a grant of the request, the record is moved on, so that this fails. It is for who may make
	// a home write: whoever may ask for the lock.
	Settle bool
}

// Renew is a sign of life of a holder whose home is another, or is not known to it. A home hears its own holders without an event.
type Renew struct {
	ID, Account string
	Token       int64
	// Attempt is as that of [Ask].
	Attempt int64
}

// Force takes the lock from its holder.
type Force struct {
	// Token is the holder's.
	Token int64
	Forced
	// Now: do not wait until the holder must have stopped.
	Now bool
}

func (Ask) isEvent()     {}
func (Leave) isEvent()   {}
func (Release) isEvent() {}
func (Renew) isEvent()   {}
func (Force) isEvent()   {}

// Answer is what becomes of a request, to be told once the record that it came with is written.
type Answer struct {
	// Event is the index of the event that is answered; -1 where a waiter is told what it waits for.
	Event int
	// ID is the request's.
	ID string
	// Stream is that of the Ask which is answered; 0 where it answers another event. It is told to nobody else: who asked again meanwhile
	// counts from another time, and gets an answer of its own.
	Stream uint64
	// Err is nil where it succeeded. A waiter that goes on waiting gets no answer.
	Err error
	// Holder is set where the request holds the lock.
	Holder *Holder
	// Waited is how long that Ask had been here when the lock was granted: the decision, not the write.
	Waited time.Duration
}
