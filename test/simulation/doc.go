// Package simulation runs the real controller of pools, one to three replicas of it, against an API server in memory, in
// virtual time, under faults that come from a seed.
//
// A schedule is some tens of things that people, pods and failures do to up to three pools, within virtual minutes. At its
// end the faults stop, everything must settle and stay still, and the sequence of all writes is judged by package history.
//
// What is real: the reconciler, its predicates and mappings, the queue with its backoff, optimistic concurrency. What is
// simulated: the API server (package api, compared with a real one), time, the network, caches, the garbage collector and
// kubelets.
//
// Guarantees:
//   - every request, watch event and fault of a schedule is drawn from its seed and from what it is about, never from the
//     order in which goroutines happen to run: a seed gives the same schedule again, on any machine, with the same code;
//   - between two reads of one decision, and between any two requests, anything may happen: writes that land after their
//     error, watches that lag behind one another, break and list anew, processes that sleep or die, an API server that
//     hangs;
//   - what goes wrong is counted, and a run in which a kind of fault never happened fails.
//
// Non-guarantees: where two goroutines of a process wake in one nanosecond they may change places, and one schedule in a
// thousand then goes differently now and then. A process stops only where it talks to somebody: at a read of its cache or
// clock, a request or an answer. The API server has one member and no cache of its own: a live read is never stale. The
// server labels members; that the controller does it, and that it takes roles off pods that left their pool, is not
// simulated. Programs elect themselves on a Lease only while its policy observes them, and their pods' containers restart
// with the pods alone; that zen-lead writes no such Lease is checked where that has not the pool's name, and nobody
// writes terms by hand there. Of a pool whose
// cluster was restored with a smaller version, Lease and policy stay; and where somebody wrote a term above the version on a
// pod, so does the Lease. That a member which was replaced without being marked is not made leader later is counted, where
// no replica was killed, no Lease deleted and no program observed, and bounded.
package simulation
