// Package election breaks what members of a pool stand on that contend themselves, and looks whether the two contracts hold: two
// never work at once, and terms grow. Where a process stands still, the fence is the contract. Members are processes
// (test/cmd/member) with the rights of zen-lead-participant and no more; the API server and etcd are real, and no controller
// runs. Each test proves that its fault happened.
//
// Without more, as in make test, it takes the short form of each test. ZEN_LEAD_FAULTS=full, as in make faults, takes the long
// one.
package election
