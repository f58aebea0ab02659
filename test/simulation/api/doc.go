// Package api is an API server in memory, for the kinds that a pool is made of: pods, Leases, Services, EndpointSlices
// and LeaderPolicies.
//
// Guarantees, each compared with a real API server by the package's tests:
//   - one counter of versions for all writes, as all objects live in one etcd; a deletion takes a version too;
//   - preconditions of the UID and resourceVersion, for PUT, DELETE and the tests of a JSON patch, with the errors that
//     the real one answers, and a write that changes nothing is none;
//   - the status of a policy is written apart from the rest; generation counts changes of what is wanted;
//   - a pod on a node is first marked as terminating; the kubelet's deletion without grace ends it;
//   - the shipped admission policies that guard Leases and label members.
//
// Non-guarantees: it does not validate objects, and defaults only what zen-lead reads back. There are no managedFields,
// no server-side apply and no finalizers. A patch may touch uid, labels and annotations of a pod. An answer replaces the object
// that it is decoded into, where the real client merges some kinds into it. What is not there panics or answers
// MethodNotSupported: nothing is silently passed over.
package api
