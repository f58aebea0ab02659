// Package term holds the rules of a pool's record: who holds it, in which term, and how the term grows.
//
// A record is what the pool's Lease says. Its term is base + transitions: electors that know nothing of zen-lead
// (client-go's) keep annotations and count transitions, so the sum grows under them too.
//
// Guarantees: every record that [Record.Grant] returns has a term that is larger than that of the record it replaces
// and than every known term, as long as the records of a pool are replaced by compare-and-swap.
//
// Not guaranteed: that the holder named by a record still runs, or that an earlier holder has stopped.
//
// The package is pure: standard library, no clock, no I/O. Its functions are safe for concurrent use.
package term

import "time"

// Number is a term: the fencing token of a pool. Terms only grow, are large and have gaps: they can be compared and
// nothing else.
type Number int64

// Max is the largest term, 2^53 - 1: JSON numbers are exact up to there. Anything above it that stands where a term
// is expected was not written by zen-lead and is no term.
const Max Number = 1<<53 - 1

// Valid says whether n can be a term.
func (n Number) Valid() bool { return n > 0 && n <= Max }

// Holder is a member as the record names it.
type Holder struct {
	// Identity names the member; it may be used again by a successor (a StatefulSet's pod).
	Identity string
	// UID is the pod's UID: two holders of one identity are two holders.
	UID string
	// Process is the process of the member that holds, where members contend themselves; else it is zero. A holder without it
	// in a pool whose members contend is a stranger's elector.
	Process Process
}

// Record is what the Lease of a pool says. The zero Record is a Lease that was just made: empty, without base.
type Record struct {
	// Version is the resourceVersion of the Lease, a number that grows with every write to the cluster.
	Version int64
	// UID is the Lease's: one that was deleted and made again is another.
	UID string
	// Base is what Transitions is added to; 0 until the first grant, then immutable.
	Base Number
	// Transitions counts the grants.
	Transitions int32
	// Holder is the zero Holder while nobody leads.
	Holder Holder
	// Duration is how long the record lasts without a renewal, 0 where it does not say.
	Duration time.Duration
	// Renewed is when the holder last renewed it, by the holder's own clock: never compared with another clock, only with
	// itself, as a sign of life.
	Renewed time.Time
	// Successor is the identity of the member that is to lead next, "" if none is named. A holder that is not it is asked to give
	// up; while nobody holds, the others let it go first.
	Successor string
}

// Term returns the record's term, 0 while it never had a holder.
func (r Record) Term() Number {
	if r.Base == 0 {
		return 0
	}
	return r.Base + Number(r.Transitions)
}

// Held says whether the record names a holder.
func (r Record) Held() bool { return r.Holder.Identity != "" }

// Grant returns the record that makes h the holder. known is the largest term seen anywhere for this pool, 0 if none;
// it counts only for a record that never had a holder, whose base must be above the terms of a record that is lost.
//
// The base is at least the version that is replaced: a later record of the same pool replaces a later version, so it
// starts above every term of its predecessor even when nothing else of it survived (each grant costs at least one
// version).
func (r Record) Grant(h Holder, known Number) Record {
	if r.Base == 0 {
		r.Base = max(Number(r.Version), known+1)
	}
	r.Transitions++
	r.Holder = h
	return r
}

// Empty returns the record without its holder. The term stays: nobody new leads.
func (r Record) Empty() Record {
	r.Holder = Holder{}
	return r
}

// SameTenure says whether nothing happened between two versions of a record but writes of others to other parts of its object:
// the holder neither changed nor renewed.
func (r Record) SameTenure(o Record) bool {
	return r.UID == o.UID && r.Base == o.Base && r.Transitions == o.Transitions && r.Holder == o.Holder && r.Duration == o.Duration && r.Renewed.Equal(o.Renewed)
}
