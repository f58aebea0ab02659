package term

import (
	"hash/fnv"
	"io"
	"time"
)

// Sight is what one process has seen of a pool's record. Times are readings of its own monotonic clock.
type Sight struct {
	Record Record
	// Missing says that there is no record. Record is then the last that was seen, if any was.
	Missing bool
	// Owned says whether the record is the pool's: it has a base, or was made for the pool and had no holder yet.
	Owned bool
	// Changed is when this process received the last change of holder, renewal or existence.
	Changed time.Duration
}

// See returns what is known once the record was received, now. A write that leaves holder and renewal as they were (somebody
// labels the object, or names a successor) is no sign of the holder's life.
func (s Sight) See(r Record, owned bool, now time.Duration) Sight {
	next := Sight{Record: r, Owned: owned, Changed: now}
	if s != (Sight{}) && !s.Missing && r.SameTenure(s.Record) {
		next.Changed = s.Changed
	}
	return next
}

// Lose returns what is known once it was received that there is no record, now.
func (s Sight) Lose(now time.Duration) Sight {
	if s.Missing {
		return s
	}
	return Sight{Record: s.Record, Missing: true, Changed: now}
}

// Pool is what a contender knows of its pool.
type Pool struct {
	Durations
	// Candidates is how many may contend, 0 where it is not known.
	Candidates int
	// NewSince is since when, on one's own clock, it is known that zen-lead has not reported on the pool yet, 0 where it has: then it
	// makes the first record, which nobody need wait for.
	NewSince time.Duration
	// Closed is why nobody may begin a term now, "" if somebody may.
	Closed string
}

// Move is what a contender should do.
type Move int

// The moves of a contender.
const (
	// MoveWait: wait for Step.After, or for the next change if that is 0.
	MoveWait Move = 0
	// MoveCreate: make the missing record, empty and to last for Step.After. A missing record never counts as expired: whoever
	// finds the new one waits that long before the first term. To wait first would not do: a process that misses the one it
	// knew may have missed a life of another.
	MoveCreate Move = 1
	// MoveAcquire: replace the record by one that names the contender.
	MoveAcquire Move = 2
)

// Step is a move and why it is the one to make.
type Step struct {
	Move  Move
	After time.Duration
	Why   string
}

// Reasons for a contender to wait.
const (
	WhyNew       = "zen-lead makes the first Lease of a pool"
	WhyMissing   = "the Lease was made anew: whoever held the one before may still believe in it"
	WhyStranger  = "the Lease is not the pool's: it has no annotation zen-lead/term-base"
	WhyHeld      = "somebody else leads"
	WhySuccessor = "another member is named as successor"
	WhyRank      = "others go first"
)

// longestLease is what a policy may ask for. A longer one is nobody's who renews: zen-lead holds Leases of mode controller for ever.
const longestLease = time.Hour

// Next says what contender self should do about what it has seen, at now on the same clock.
//
// Not guaranteed: that the move succeeds. Only the compare-and-swap on the record that was judged decides.
func (s Sight) Next(self Holder, p Pool, now time.Duration) Step {
	r := s.Record
	seen := now - s.Changed
	switch {
	case p.Closed != "":
		return Step{Why: p.Closed}
	case s.Missing && p.NewSince > 0 && now-p.NewSince < p.Retry:
		return Step{After: p.Retry - (now - p.NewSince), Why: WhyNew}
	case s.Missing:
		return Step{Move: MoveCreate, After: s.Anew(p.Lease)}
	case !s.Owned:
		return Step{Why: WhyStranger}
	case r.Base == 0:
		return after(s.LeaveFor(now)+rank(self, r, p), WhyMissing)
	case r.Holder == self, r.Holder.UID == self.UID && self.UID != "" && self.Process.Succeeds(r.Holder.Process):
		return Step{Move: MoveAcquire} // nothing of it runs any more
	case r.Held():
		return after(s.HeldFor(now)+rank(self, r, p), WhyHeld)
	case r.Successor == self.Identity:
		return Step{Move: MoveAcquire}
	case r.Successor != "":
		return after(p.Retry+rank(self, r, p)-seen, WhySuccessor)
	default:
		return after(rank(self, r, p)-seen, WhyRank)
	}
}

func after(left time.Duration, why string) Step {
	if left > 0 {
		return Step{After: left, Why: why}
	}
	return Step{Move: MoveAcquire}
}

// Lasts is the record's own duration, 15 s where it does not say: client-go's default.
func (r Record) Lasts() time.Duration {
	if r.Duration > 0 {
		return r.Duration
	}
	return DefaultDurations.Lease
}

// LeaveFor is how long, from now on the same clock, a record that never had a holder is to be left alone: not at all where it is a
// pool's first, made with the duration of an empty one.
func (s Sight) LeaveFor(now time.Duration) time.Duration {
	if s.Record.Base != 0 || s.Record.Duration <= EmptyDuration {
		return 0
	}
	return Wait(s.Record.Duration) - (now - s.Changed)
}

// HeldFor is how long, from now on the same clock, the record's holder may believe in it, if it gives no sign of life; 0 or less
// where that is over.
func (s Sight) HeldFor(now time.Duration) time.Duration {
	if !s.Record.Held() {
		return 0
	}
	return Wait(s.Record.Lasts()) - (now - s.Changed)
}

// Anew is how long a record that is made in the place of a missing one lasts, where the pool's own last for d.
func (s Sight) Anew(d time.Duration) time.Duration {
	return max(d, min(s.Record.Duration, longestLease))
}

const (
	// abreast is how many contenders may write at the same moment. All but one of them fail, which costs the API server
	// little; a later start would cost each failover its delay.
	abreast = 4
	// rankDelay is about what a write takes to reach everyone who watches.
	rankDelay = 20 * time.Millisecond
)

// rank is how long the contender lets others go first, where many contend: about four of them have each rank.
func rank(self Holder, r Record, p Pool) time.Duration {
	ranks := (p.Candidates + abreast - 1) / abreast
	if ranks < 2 {
		return 0
	}
	h := fnv.New64a()
	_, _ = io.WriteString(h, self.Identity+"/"+self.UID+"/"+self.Process.ID)
	return time.Duration((h.Sum64()+uint64(r.Term()))%uint64(ranks)) * rankDelay
}
