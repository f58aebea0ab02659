package lead

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kube-zen/zen-lead/core/term"
)

// schedules is how many schedules TestSchedules runs.
func schedules() int {
	if n, err := strconv.Atoi(os.Getenv("ZEN_LEAD_SCHEDULES")); err == nil {
		return n
	}
	return 300
}

// TestSchedules runs processes through random faults, in virtual time. A failure names its seed: ZEN_LEAD_SEED runs that alone.
func TestSchedules(t *testing.T) {
	if seed, err := strconv.ParseUint(os.Getenv("ZEN_LEAD_SEED"), 10, 64); err == nil {
		schedule(t, seed, map[string]int{}, t.Output())
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
				for i := part; i < schedules(); i += parts {
					seeded(t, first+uint64(i), mine)
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
		"terms", "conflicts", "requests lost", "requests late", "answers lost", "answers slow", "answers 500", "killed", "restarted in place", "paused",
		"cut", "deaf", "lease deleted", "lease annotated", "clock set", "ignores its end", "overran", "exited", "paused by the policy", "closed by the policy", "durations changed", "causes " + ErrLost.Error(), "causes " + ErrReleased.Error(), "causes " + ErrUnknown.Error(),
	} {
		if counts[want] == 0 && schedules() >= 300 {
			t.Errorf("no schedule had %q: the simulation shows nothing of it", want)
		}
	}
	t.Log(schedules(), "schedules:", counts)
}

// seeded runs a schedule, and tells its seed if it fails.
func seeded(t *testing.T, seed uint64, counts map[string]int) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	schedule(t, seed, counts, io.Discard)
}

func schedule(t *testing.T, seed uint64, counts map[string]int, out io.Writer) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, seed, out)
		s := story{world: w, durations: []term.Durations{
			term.DefaultDurations, {Lease: 3 * time.Second, RenewDeadline: 2 * time.Second, Retry: time.Second},
		}[seed%2]}
		s.longest = s.durations.Lease
		s.play()
		synctest.Wait() // for requests that nobody waits for any more
		for what, n := range w.counts {
			counts[what] += n
		}
		for what, n := range w.referee.causes {
			counts["causes "+what] += n
		}
		counts["terms"] += w.referee.terms
	})
}

// story is what befalls the processes of one schedule.
type story struct {
	*world
	durations term.Durations
	// longest is the longest duration that a Lease may have.
	longest   time.Duration
	processes []*process
	dead      []*process
	born      int
	// settled is when nobody goes by earlier durations any more.
	settled time.Time
}

func (s *story) play() {
	for range 2 + s.intN(3) {
		s.bear(fmt.Sprintf("p%d", len(s.processes)), "")
	}
	for range 25 {
		s.befall()
		s.sleep(s.t.Context(), s.between(0, s.durations.Lease/2))
	}
	s.recover()
	s.stop()
}

// bear starts a process of a name: anew, or in the container of the one before.
func (s *story) bear(name, container string) {
	s.born++
	p := term.Process{Container: container, ID: fmt.Sprint(s.born)}
	if container != "" {
		p.Instance = fmt.Sprint(s.born)
	}
	rate := 0.95 + 0.1*s.float()
	if s.intN(3) == 0 {
		rate = []float64{0.95, 1.05}[s.intN(2)]
	}
	s.processes = append(s.processes, s.begin(name, p, s.durations, rate))
}

// befall has one thing happen.
func (s *story) befall() {
	i := int(s.between(0, time.Duration(len(s.processes)-1)))
	q := s.processes[i]
	what := s.intN(18)
	_, _ = fmt.Fprintln(s.out, time.Since(s.start), "event", what, q)
	switch what {
	case 0, 1, 2:
		s.mu.Lock()
		s.faults = faults{lost: s.float() / 4, unanswered: s.float() / 4, late: s.float() / 4, failed: s.float() / 4, slow: s.float() / 4}
		s.mu.Unlock()
	case 3:
		s.mu.Lock()
		s.faults = faults{}
		s.mu.Unlock()
	case 4:
		s.note("killed")
		_, _ = fmt.Fprintln(s.out, time.Since(s.start), "killed", q)
		q.kill()
		s.replace(i, q)
	case 5, 6:
		s.note("paused")
		q.pause(s.between(0, 2*s.durations.Lease))
	case 7, 8:
		s.note("cut")
		q.set(true, false)
	case 9:
		s.note("deaf")
		q.set(false, true)
	case 10:
		q.set(false, false)
	case 11:
		if s.between(0, 2) == 0 && time.Now().After(s.settled) {
			s.remove()
		}
	case 12:
		s.annotate("zen-lead/successor", fmt.Sprintf("p%d", s.between(0, 4)))
	case 13:
		s.note("clock set")
		q.mu.Lock()
		q.jumped += s.between(-time.Hour, time.Hour)
		q.mu.Unlock()
	case 14:
		q.mu.Lock()
		q.ignores = true
		q.mu.Unlock()
		s.note("ignores its end")
	case 15:
		s.note("paused by the policy")
		s.rule("it is paused", false)
	case 17:
		s.note("durations changed")
		d := []term.Durations{
			term.DefaultDurations, {Lease: 3 * time.Second, RenewDeadline: 2 * time.Second, Retry: time.Second}, {Lease: 40 * time.Second, RenewDeadline: 30 * time.Second, Retry: 5 * time.Second},
		}[s.intN(3)]
		s.durations, s.longest = d, max(s.longest, d.Lease)
		// Whoever begins now knows nothing of a longer duration before. It must not make the Lease of a holder that does.
		s.settled = time.Now().Add(2 * time.Minute)
		for _, q := range s.processes { // each hears of it at another time
			wait := s.between(0, 20*time.Second)
			go func() {
				s.sleep(context.Background(), wait)
				q.c.rule(term.Pool{Durations: d, Candidates: 3}, false)
			}()
		}
	case 16:
		s.note("closed by the policy")
		s.rule("it is not a pool of contenders", true)
		s.sleep(s.t.Context(), s.between(0, s.durations.Lease))
		s.rule("", false)
	}
}

// rule changes the policy, for all.
func (s *story) rule(closed string, quit bool) {
	for _, q := range s.processes {
		q.c.rule(term.Pool{Durations: s.durations, Candidates: 3, Closed: closed}, quit)
	}
}

// replace starts a successor of a process that was killed.
func (s *story) replace(i int, q *process) {
	s.processes, s.dead = append(s.processes[:i], s.processes[i+1:]...), append(s.dead, q)
	switch s.between(0, 2) {
	case 0:
		s.bear(q.name, "") // of the same name, and nothing proves the one before dead
	default:
		s.note("restarted in place")
		s.bear(q.name, "app")
	}
}

// recover ends all faults: somebody leads again before long.
func (s *story) recover() {
	s.mu.Lock()
	s.faults = faults{}
	s.mu.Unlock()
	s.rule("", false)
	for _, q := range s.processes {
		q.set(false, false)
		q.mu.Lock()
		q.ignores = false
		q.mu.Unlock()
	}
	s.sleep(s.t.Context(), 10*s.longest+60*time.Second)
	alive := 0
	for _, q := range s.processes {
		q.mu.Lock()
		if !q.dead {
			alive++
		}
		q.mu.Unlock()
	}
	s.referee.mu.Lock()
	defer s.referee.mu.Unlock()
	if idle := time.Since(s.referee.lastWork); alive > 0 && idle > s.durations.Lease {
		s.referee.fail("nobody has worked for %v, although nothing is wrong", idle)
	}
}

// stop ends the processes in good order, and then the world.
func (s *story) stop() {
	for _, q := range s.processes {
		q.cancel()
	}
	s.sleep(s.t.Context(), s.durations.Lease)
	if l, err := s.read(); err == nil && l.Spec.HolderIdentity != nil {
		for _, q := range s.processes {
			q.mu.Lock()
			if !q.dead && q.name == *l.Spec.HolderIdentity {
				s.referee.fail("%v has stopped and holds the Lease", q)
			}
			q.mu.Unlock()
		}
	}
	close(s.end)
	all := slices.Concat(s.processes, s.dead)
	for _, q := range all {
		q.cancel()
	}
	for _, q := range all {
		<-q.stopped
	}
}
