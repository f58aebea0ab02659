// Package history checks what a cluster's pools went through, revision by revision.
//
// A history is the sequence of all writes to pods, Leases, EndpointSlices and LeaderPolicies between two revisions, in
// the order of etcd: all these objects live in one etcd, so their resourceVersions are one total order and a history
// says what was true at every moment of it. [Check] replays it and names every [Violation] of the contract. Package
// record makes histories of a running cluster; [Write] and [Read] keep them.
//
// The package is pure (standard library, no clock, no I/O but the given reader and writer) and shares no code with the
// product: an oracle that repeats the product's mistakes sees none.
//
// # What is somebody's act
//
// A value is judged at the revision at which it changes and at no other: a status patch that leaves a pod's role alone
// is not blamed for the role. Deleting an object is never a violation; what is written after it is judged.
//
// # Injected writes
//
// A write that a test made by hand is marked [Event.Injected]. Exempt is what that write itself set, for as long as it
// stays unchanged: the role, role annotation and term of a pod, the term and endpoints of a slice, the status of a
// policy, all of that revision of a Lease. Exempt roles are left out where the leaders of a pool are compared, and
// exempt terms of pods, slices and policies are no high-water marks, as anybody may scribble there and restoring the
// old value is the right answer. An injected Lease is a fact: who was named in it was named, and its term counts as
// given. The next write that changes the value is judged as ever, injected reason or not.
//
// # Programs that elect themselves
//
// A policy of mode observe follows another program's Lease, which has no terms. What is published there is judged by this:
// no two pods lead with one term, terms grow, and the program's Lease has named, by then, each pod that is published. Whether
// it names it still is not judged: expiry is seen by clocks alone.
//
// # Not shown
//
// Liveness (that a leader appears at all) is a figure of the [Report], not a violation; and what came before the
// history began is not judged: objects of type [Existing] are its starting point.
package history
