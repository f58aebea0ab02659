package guard

import (
	"time"

	"golang.org/x/sys/unix"
)

// Moment is a reading of the machine's clock CLOCK_BOOTTIME: all processes share it, nobody can set it, and it goes on while the
// machine is suspended.
type Moment time.Duration

// Now returns this moment.
func Now() Moment {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) // never fails
	return Moment(t.Nano())
}

// Add returns the moment d later.
func (m Moment) Add(d time.Duration) Moment { return m + Moment(d) }

// Sub returns how long after the earlier moment m is.
func (m Moment) Sub(earlier Moment) time.Duration { return time.Duration(m - earlier) }

// Deadlines are the two ends of a term.
type Deadlines struct {
	// Work is when the command is told to end, by SIGTERM.
	Work Moment
	// Hard is when everything must have ended.
	Hard Moment
}
