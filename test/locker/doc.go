// Package locker runs processes that take locks over gRPC, and watches what befalls them. They follow the protocol of
// zenlead/v1/lock.proto directly, without an SDK, and increment a register while they hold a lock.
//
// The program is whatever starts it: a test binary that calls Main where IsOne says so.
//
// All times are those of the machine's monotonic clock, which its processes share.
package locker
