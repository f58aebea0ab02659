package lock

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// schedules is how many schedules TestSchedules runs.
func schedules() int {
	if n, err := strconv.Atoi(os.Getenv("ZEN_LEAD_SCHEDULES")); err == nil {
		return n
	}
	return 150
}

// TestSchedules runs homes and clients through random faults, in virtual time. A failure names its seed and tells its story;
// ZEN_LEAD_SEED runs that alone.
func TestSchedules(t *testing.T) {
	if seed, err := strconv.ParseUint(os.Getenv("ZEN_LEAD_SEED"), 10, 64); err == nil {
		if failure := play(seed, map[string]int{}, func(line string) { _, _ = fmt.Fprintln(t.Output(), line) }); failure != "" {
			t.Error(failure)
		}
		return
	}
	counts := map[string]int{}
	var mu sync.Mutex
	first := rand.Uint64N(1 << 40)
	const parts = 2
	t.Run("schedules", func(t *testing.T) {
		for part := range parts {
			t.Run(strconv.Itoa(part), func(t *testing.T) {
				t.Parallel()
				mine := map[string]int{}
				for i := part; i < schedules() && !t.Failed(); i += parts {
					seed := first + uint64(i)
					if failure := play(seed, mine, nil); failure != "" {
						t.Errorf("seed %d: %s\n%s", seed, failure, story(seed))
					}
				}
				mu.Lock()
				defer mu.Unlock()
				for what, n := range mine {
					counts[what] += n
				}
			})
		}
	})
	for _, want := range []string{
		"writes", "conflicts", "requests lost", "requests late", "answers lost", "answers slow", "messages lost", "messages late", "half open streams", "streams broken",
		"homes killed", "homes paused", "Leases lapsed", "Leases deleted", "clients killed", "clients paused", "cancelled", "lost", "re-homed", "forced", "taken at once",
		"granted: Granted", "granted: Released", "granted: Expired", "granted: Forced", "held", "too many wait", "given back",
	} {
		if counts[want] == 0 && schedules() >= 300 && !t.Failed() {
			t.Errorf("no schedule had %q: the simulation shows nothing of it", want)
		}
	}
	t.Log(schedules(), "schedules:", counts)
}

// story tells the end of a schedule.
func story(seed uint64) string {
	var lines []string
	play(seed, map[string]int{}, func(line string) { lines = append(lines, line) })
	return strings.Join(lines[max(0, len(lines)-150):], "\n")
}

// play runs one schedule, and returns what went wrong.
func play(seed uint64, counts map[string]int, tell func(string)) string {
	w := newWorld(seed)
	w.tell = tell
	w.lasts = []time.Duration{15 * time.Second, 6 * time.Second}[seed%2]
	for i := range 2 + w.rnd.IntN(2) {
		w.homes = append(w.homes, w.bear(i))
	}
	for i := range 2 + w.rnd.IntN(4) {
		w.clients = append(w.clients, w.join(fmt.Sprintf("c%d", i)))
	}
	for i := 0; i < 25 && w.failure == ""; i++ {
		w.befall()
		w.pass(w.between(0, 8*time.Second))
	}
	if w.failure == "" {
		w.recover()
	}
	for what, n := range w.counts {
		counts[what] += n
	}
	return w.failure
}

// befall has one thing happen.
func (w *world) befall() {
	i, j := w.rnd.IntN(len(w.homes)), w.rnd.IntN(len(w.clients))
	h, c := w.homes[i], w.clients[j]
	switch w.rnd.IntN(14) {
	case 0, 1, 2:
		p := func() float64 { return w.rnd.Float64() / 4 }
		w.faults = faults{lost: p(), late: p(), unanswered: p(), slow: p(), lag: p(), breaks: p() * 2}
	case 3:
		w.faults = faults{}
	case 4, 5:
		w.count("homes killed")
		w.say("%s is killed", h.name)
		h.dead = true
		w.homes[i] = w.bear(h.number)
	case 6:
		w.count("homes paused")
		h.stands = w.now + w.between(0, 3*w.lasts)
		w.say("%s stands still until %v", h.name, h.stands)
	case 7:
		w.removeLease()
	case 8, 9:
		w.count("clients killed")
		w.say("%s is killed", c.id)
		c.dead = true
		w.clients[j] = w.join(c.name + "'")
	case 10, 11:
		w.count("clients paused")
		c.stands = w.now + w.between(0, 20*time.Second)
		w.say("%s stands still until %v", c.id, c.stands)
	case 12, 13:
		holder := w.record.Holder
		if holder == nil {
			return
		}
		w.count("forced")
		e := Force{Token: holder.Token, Forced: Forced{"admin", "because"}, Now: w.chance(0.5)}
		w.say("%s is told to take the lock from token %d, now: %v", h.name, e.Token, e.Now)
		h.act(func() { h.post(posted{event: e, hear: func(Answer) {}}) })
	}
}

// recover ends all faults: who waits gets the lock before long, and then nothing is written any more.
func (w *world) recover() {
	w.say("all faults end")
	w.faults = faults{}
	for _, c := range w.clients {
		c.quiet = true
	}
	// Messages that are late, a holder that nobody knows and whose home has died, and each who waits for as long as each may hold.
	bound := 40*time.Second + 3*w.lasts + 2*(w.lasts+15*time.Second)*11/10 + time.Duration(len(w.clients))*42*time.Second
	for quiet := false; !quiet && bound > 0 && w.failure == ""; bound -= 5 * time.Second {
		w.pass(5 * time.Second)
		quiet = w.record.Holder == nil && !slices.ContainsFunc(w.clients, func(c *client) bool { return c.phase != idle })
	}
	stands := slices.MaxFunc(w.homes, func(a, b *home) int { return cmp.Compare(a.stands, b.stands) }).stands
	w.pass(max(stands-w.now, 0) + 40*time.Second) // what is late still comes
	for _, c := range w.clients {
		if c.phase != idle && w.failure == "" {
			w.fail("%s has been %s for %v, although nothing is wrong", c.id, c.phase, w.now-c.since)
		}
	}
	if w.record.Holder != nil && w.failure == "" {
		w.fail("%s holds the lock, and nobody knows", w.record.Holder.ID)
	}
	before := len(w.writes)
	w.pass(20 * time.Second)
	if n := len(w.writes) - before; n > 0 && w.failure == "" {
		w.fail("%d writes although nothing happens", n)
	}
	for _, h := range w.homes {
		if n := h.state.Waiting(); n > 0 && w.failure == "" {
			w.fail("%d wait at %s, and nobody does", n, h.name)
		}
	}
}
