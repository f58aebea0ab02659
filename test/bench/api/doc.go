// Package api is the suite of benchmarks about the API: how many questions it answers beside the API server itself, what
// many streams cost, and how long it takes from the loss of a leader until a subscriber is told of the next.
//
// Everything that is measured goes on in other processes than this one: API server, etcd, and the controller as installed
// and under its own account. This one is all callers at once, so that all latencies are by one clock, and nobody measures himself.
package api
