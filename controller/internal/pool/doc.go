// Package pool elects the leaders of pools in mode controller, follows those that are elected otherwise (modes participant and
// observe), and publishes them.
//
// It follows one flow: observe reads everything once, [Decide] turns that into a [Plan] without I/O, apply carries the
// plan out. The Lease is written first, by compare-and-swap: that write is the election. What follows from it
// (EndpointSlices, roles) carries its term and is fenced: a late write of an older plan fails.
//
// Guarantees: at any time one Lease version names at most one leader; terms only grow; nothing is overwritten by a
// smaller term.
//
// Where members contend themselves, zen-lead writes their Lease to no member's loss: it empties only what is released, expired by
// this process's own clock, or its holder proven dead, and else names a successor.
//
// Not guaranteed: that a former leader has stopped. Only pools whose members contend are Exclusive, by what those do.
package pool
