// Package locks breaks what locks stand on, and looks whether their contracts hold: tokens grow in the order of the writes, no two count
// themselves holders at once by their own clocks, and a store that compares tokens loses nothing. The API server and etcd are real, replicas
// of the controller run under their own account, and who takes locks is a process of its own (test/locker), so that it can be killed or
// stand still. Each test proves that its fault happened.
//
// Without more, as in make test, it takes the short form. ZEN_LEAD_FAULTS=full, as in make faults SUITE=locks, takes the long one.
package locks
