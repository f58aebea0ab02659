package term

import "time"

// Instant is one reading of the two clocks of this machine.
type Instant struct {
	// Mono grows steadily from an arbitrary zero. It stands still while the machine is suspended.
	Mono time.Duration
	// Wall is the time of day, without a monotonic reading. It goes on during suspend; somebody may set it.
	Wall time.Time
}

// Since is how long ago, at i, the earlier instant was, by whichever clock says more: neither a suspended machine nor a clock
// that was set back makes one's own term longer.
func (i Instant) Since(earlier Instant) time.Duration {
	return max(i.Mono-earlier.Mono, i.Wall.Sub(earlier.Wall))
}

// Add returns the instant d after i.
func (i Instant) Add(d time.Duration) Instant { return Instant{Mono: i.Mono + d, Wall: i.Wall.Add(d)} }

// Validity is how long one's own term certainly lasts. It counts from before the last successful request was sent: whoever
// received that request can only have seen it later.
type Validity struct {
	sent       Instant
	work, hard time.Duration // after sent
	interval   time.Duration
}

// Begin returns the validity of a term whose first write was sent at sent.
func Begin(sent Instant, d Durations) Validity {
	return Validity{sent: sent, work: d.RenewDeadline, hard: d.HardStop(), interval: d.Interval()}
}

// Tried notes that a renewal with durations d was sent, whose outcome is not known. It may have replaced the record's duration by
// a shorter one.
func (v *Validity) Tried(sent Instant, d Durations) {
	after := sent.Mono - v.sent.Mono // a wall clock that is ahead now may be set back before the end
	v.work, v.hard = min(v.work, after+d.RenewDeadline), min(v.hard, after+d.HardStop())
}

// Confirmed notes that the renewal that was sent at sent happened. An answer that comes late confirms what it was asked, and
// never extends that.
func (v *Validity) Confirmed(sent Instant, d Durations) {
	if sent.Mono > v.sent.Mono {
		*v = Begin(sent, d)
	}
}

// Times are what is left of a validity; 0 or less where the moment has come.
type Times struct {
	// Work is the time until work must have been told to end.
	Work time.Duration
	// Hard is the time until work must have ended.
	Hard time.Duration
	// Renew is the time until the next renewal is due.
	Renew time.Duration
}

// At returns what is left at now.
func (v *Validity) At(now Instant) Times {
	age := now.Since(v.sent)
	return Times{Work: v.work - age, Hard: v.hard - age, Renew: v.interval - age}
}
