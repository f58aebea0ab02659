// Package lock is the suite of benchmarks about locks: how fast one lock goes from hand to hand, beside etcd's own and client-go's;
// what an uncontended lock costs; and what thousands of held locks cost at rest, and how soon they are free when their holder dies.
//
// Everything that is measured goes on in other processes than this one: API server, etcd, and two replicas of the controller as
// installed and under its own account. This one is all contenders at once, each on a connection of its own, so that all times are by one clock.
package lock
