// Package replica knows which replicas of the controller are there, and which of them a pool prefers.
//
// Guarantees: none of safety. Every replica may act on every pool; the compare-and-swap on the pool's Lease decides.
// Preference only keeps replicas from doing the same work at the same time. Two replicas may both believe that a pool
// prefers them, or neither, while one of them comes or goes.
package replica
