// Package lock is the rules of a lock: who holds it, who is next, and when a holder's time has passed. It does no I/O and reads no clock:
// whoever serves a lock, its home, gives [State.Next] what happened and the time, writes the record that comes out by compare-and-swap, and
// tells the answers once that write has succeeded.
//
// Guarantees, as long as each record is written by compare-and-swap on the version that it was made from: at most one holds the lock by
// the record; tokens only grow; a request that was told a token gets no other from a home that knows
// of it; who waits is served in the order of
// arrival, as long as the home stays; nobody is let expire before its own time has passed by any clock that is off by less than [Margin];
// release and next grant are one write.
//
// Not guaranteed: that a request which has ended is known everywhere. A home remembers the last 64 that ended, and the record has the last
// 16 as it was last written. A copy of an older one that comes late, to a home that does not know, may be granted the lock. Nobody hears of
// that: it passes on when the copy's stream ends, or is free after its ttl.
//
// Nor that a holder which the record no longer names has stopped. It knows by its own clock, if that runs; what it sent before
// may arrive later. What protects data is the token, compared by the store.
package lock
