// Package locks keeps the locks whose home this replica is: it grants them, hears their holders, and lets them expire. What is decided,
// package lock says; here is when it is decided, and how it is written.
//
// Guarantees: an answer is told only once the record that says so is written; a write whose outcome is not known is settled before anything
// else is decided about that lock; a renewal is acknowledged from memory only while this replica's own Lease counts, and the record that
// memory has of the holder names it as its home.
//
// Not guaranteed: that this replica is the only one that decides about a lock. Each write is a compare-and-swap on the version that it was
// decided on; who keeps a lock is only speed.
package locks
