package simulation

import "time"

// weather says how often things go wrong in one schedule. Schedules differ: where everything fails all the time nothing
// gets far enough to break.
type weather struct {
	// Probabilities for one request.
	slow, lost, unanswered, late, refused float64
	// torn is the probability that a read of the cache takes a moment.
	torn float64
	// lag is how late a watch usually is, at most; stall the probability that one event holds up its watch.
	lag   time.Duration
	stall float64
	// Weights of acts.
	people, processes, server int
	// malice is the probability that a new leader fails at once, that the replica which named it stops just then, and that
	// the roles that it has sent are late: two sleepers meet.
	malice     float64
	preference preference
	// hurry is the longest time between two acts.
	hurry time.Duration
}

// preference says which replicas act at once, and not after others had their chance.
type preference int

const (
	one preference = iota
	everyone
	nobody
)

func drawWeather(d *dice) weather {
	w := weather{
		lag:    d.between(2*time.Millisecond, 400*time.Millisecond),
		hurry:  d.between(20*time.Millisecond, 4*time.Second),
		people: 20,
	}
	often := func(p, most float64) float64 {
		if !d.in(p) {
			return 0
		}
		return most * d.float()
	}
	w.slow = often(0.6, 0.2)
	w.lost = often(0.4, 0.1)
	w.unanswered = often(0.6, 0.2)
	w.late = often(0.6, 0.2)
	w.refused = often(0.3, 0.15)
	w.torn = often(0.6, 0.3)
	w.stall = often(0.6, 0.1)
	switch x := d.float(); {
	case x < 0.3:
		w.preference = everyone
	case x < 0.4:
		w.preference = nobody
	}
	w.malice = often(0.4, 0.8)
	if d.in(0.7) {
		w.processes = 1 + d.intN(12)
	}
	if d.in(0.4) {
		w.server = 1 + d.intN(4)
	}
	return w
}

// calm is the weather in which everything settles.
func calm() weather { return weather{lag: 20 * time.Millisecond} }
