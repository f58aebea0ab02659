// Package peer is the least that a program can do to move leadership of pools: an informer loop as one writes it with
// client-go in an afternoon. On the death of a leader it makes the same two dependent writes as zen-lead (a
// compare-and-swap of the Lease, then the EndpointSlice) and nothing else: no roles, no status, no terms that survive a
// deletion, no fence, no Service, no events. It is the lower anchor of the benchmark, not a competitor that anybody should
// run.
//
// Nothing is held back to make it slow: protobuf, no client-side rate limit, as many workers as zen-lead has.
package peer
