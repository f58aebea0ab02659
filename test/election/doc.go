// Package election runs processes that contend for a pool or a Lease and watches what befalls them: the program is
// test/cmd/member, with zen-lead's elector or client-go's.
//
// All times are those of the machine's monotonic clock, which its processes share.
package election
