// Package pools breaks what pools stand on and looks whether they hold: the controller is killed and frozen, requests are
// held back, lost and refused, the API server and etcd go away, and people edit by hand what zen-lead writes. Each test
// proves that its fault happened.
//
// Without more, as in make test, it takes the short form of each test. ZEN_LEAD_FAULTS=full, as in make faults, takes the
// long one: longer sleeps, more pools, minutes of random load.
package pools
