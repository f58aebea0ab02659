package zenlead

import "time"

// instant is one reading of the two clocks of this machine.
type instant struct {
	// mono grows steadily. It stands still while the machine is suspended.
	mono time.Duration
	// wall is the time of day. It goes on during suspend; somebody may set it.
	wall time.Time
}

var started = time.Now()

func machineClock() instant {
	now := time.Now()
	return instant{mono: now.Sub(started), wall: now.Round(0)}
}

// since is how long ago, at i, the earlier instant was, by whichever clock says more: neither a suspended machine nor a clock that
// was set back makes what is known younger.
func (i instant) since(earlier instant) time.Duration {
	return max(i.mono-earlier.mono, i.wall.Sub(earlier.wall))
}
