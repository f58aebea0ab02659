package lock

import (
	"slices"
	"time"
)

// Durable is how many waiters stand in the record.
const Durable = 8

// DurablyEnded is how many ended requests stand in the record: what is late by more hand-overs may be granted the lock once more.
const DurablyEnded = 16

// MaxToken is the most that a token may be, so that it is exact in JSON, too.
const MaxToken = 1<<53 - 1

// Record is what is durable of a lock: its only truth.
type Record struct {
	// Holder is nil while nobody holds the lock.
	Holder *Holder
	// Waiters are the first who wait, next first: no more than Durable. Waiting is how many waited in all.
	Waiters []Waiter
	Waiting int
	// Token is the highest so far.
	Token int64
	Last  Transition
	// Ended are marks of the last requests that have ended, and which lost the lock, the last at the end: no more than DurablyEnded. No copy of those that was held up
	// on its way is granted the lock, by whatever home.
	Ended []string
}

// Holder is who holds a lock. It is not changed once made.
type Holder struct {
	Request
	Token int64
	// TTL is how long it holds the lock after it was last heard of.
	TTL time.Duration
	// Home hears its renewals. Nobody else lets it expire while Home lives.
	Home string
	// Attempt is the one by which it came to Home: an earlier one that arrives later does not move it.
	Attempt int64
	// Since is for people.
	Since time.Time
	// Forced is who takes the lock from it; nil if nobody does.
	Forced *Forced
}

// Request is one wish to hold a lock, once.
type Request struct {
	// ID was made by who asks, and is of this request alone.
	ID string
	// Owner is who asks, in its own words; Account is whom the API server knows it as. Only that one renews and releases.
	Owner, Account string
}

// Forced is an order to take a lock from its holder.
type Forced struct{ By, Reason string }

// Waiter is who waits, as the record has it.
type Waiter struct {
	Request
	// Since is for people.
	Since time.Time
}

// Reason is how a lock last changed hands.
type Reason string

// Reasons. Where one holder ended and the next began in one write it is that of the end.
const (
	Granted     Reason = "Granted"
	Released    Reason = "Released"
	Undelivered Reason = "Undelivered"
	Expired     Reason = "Expired"
	ByForce     Reason = "Forced"
)

// Transition is what happened last.
type Transition struct {
	Reason Reason
	// Time is for people, and so is Message.
	Time    time.Time
	Message string
}

// Same says whether two records say the same, so that nothing need be written. Who has ended is written along with what else happens.
func (r Record) Same(other Record) bool {
	return r.Token == other.Token && r.Waiting == other.Waiting && slices.EqualFunc(r.Waiters, other.Waiters, sameWaiter) &&
		sameHolder(r.Holder, other.Holder) && sameTransition(r.Last, other.Last)
}

func sameHolder(a, b *Holder) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := *a, *b
	same := x.Since.Equal(y.Since) && sameForced(x.Forced, y.Forced)
	x.Since, y.Since, x.Forced, y.Forced = time.Time{}, time.Time{}, nil, nil
	return same && x == y
}

func sameForced(a, b *Forced) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func sameWaiter(a, b Waiter) bool { return a.Request == b.Request && a.Since.Equal(b.Since) }

func sameTransition(a, b Transition) bool {
	return a.Reason == b.Reason && a.Message == b.Message && a.Time.Equal(b.Time)
}

// Name is how people know it.
func (r Request) Name() string {
	if r.Owner != "" {
		return r.Owner
	}
	return r.Account
}
