package zenlead

import "time"

// Another may hold a lock once its ttl and a twentieth have passed since zen-lead heard of the holder, by a clock whose rate is off by a
// twentieth at most. Who holds it counts from before it sent what was heard, by its own clocks.

// workTime is how long after a renewal was sent work may go on.
func workTime(ttl time.Duration) time.Duration { return ttl * 2 / 3 }

// hardTime is how long after a renewal was sent all that the lock allowed must have ended.
func hardTime(ttl time.Duration) time.Duration { return ttl - slack(ttl) }

// renewTime is how old a renewal is when the next one is sent.
func renewTime(ttl time.Duration) time.Duration { return ttl / 3 }

// leastTime keeps locks of a second or two from being asked for without a pause.
const leastTime = 200 * time.Millisecond

// retryTime is how long after a renewal that failed was sent the next one is.
func retryTime(ttl time.Duration) time.Duration { return max(ttl/15, leastTime) }

// tryTime is how long a renewal may take: three of them fit between renewTime and workTime.
func tryTime(ttl time.Duration) time.Duration { return max(ttl/9, leastTime) }

// slack is by how much one clock may be ahead of another after a time.
func slack(d time.Duration) time.Duration { return d / 20 }

// heard is from when a grant counts that came after a wait: as much later than it was asked for as it had waited by zen-lead's clock,
// less what that may be ahead. Where one of the two clocks here has not moved on so far meanwhile, it did not run all the time: then the grant counts from
// when it was asked for.
func heard(sent, answered instant, waited time.Duration) instant {
	waited -= slack(waited)
	later := instant{mono: sent.mono + waited, wall: sent.wall.Add(waited)}
	if waited < 0 || later.mono > answered.mono || later.wall.After(answered.wall) {
		return sent
	}
	return later
}
