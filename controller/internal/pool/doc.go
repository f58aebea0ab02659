// Package pool elects the leaders of pools in mode controller and publishes them.
//
// It follows one flow: observe reads everything once, [Decide] turns that into a [Plan] without I/O, apply carries the
// plan out. The Lease is written first, by compare-and-swap: that write is the election. What follows from it
// (EndpointSlices, roles) carries its term and is fenced: a late write of an older plan fails.
//
// Guarantees: at any time one Lease version names at most one leader; terms only grow; nothing is overwritten by a
// smaller term.
//
// Not guaranteed: that a former leader has stopped. Pools of this mode are Advisory.
package pool
