// Package simulation_test runs a hundred thousand schedules of the simulation of pools; without ZEN_LEAD_FAULTS=full a few,
// as make test runs those of the simulation's own package.
package simulation_test

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/simulation"
)

const (
	// schedules of the long form.
	schedules = 100_000
	// few are of the short form, always the same.
	few = 50
)

func TestSchedules(t *testing.T) {
	if !faults.Full {
		simulation.Many(t, few, few, nil)
		return
	}
	debug.SetGCPercent(400) // a schedule leaves much behind and needs little
	first, err := strconv.ParseUint(os.Getenv("ZEN_LEAD_SEED"), 10, 64)
	if err != nil {
		first = uint64(time.Now().Unix()) // other schedules each time; each can be run again by its seed
	}
	began := time.Now()
	figures := simulation.Many(t, first, schedules, progress(began))
	fmt.Fprintf(os.Stdout, "seeds from %d: %s, in %s\n", first, figures, time.Since(began).Round(time.Second))
	if t.Failed() {
		return // what went wrong ends a run early
	}
	for _, f := range figures.Missing() {
		t.Errorf("never happened: %s", f)
	}
}

// progress says every half minute how far it is.
func progress(began time.Time) func(*simulation.Figures) {
	var mu sync.Mutex
	told := began
	return func(f *simulation.Figures) {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(told) < 30*time.Second {
			return
		}
		told = time.Now()
		n := f.Count(simulation.Schedules)
		fmt.Fprintf(os.Stdout, "%d of %d schedules, %.0f a second\n", n, schedules, float64(n)/time.Since(began).Seconds())
	}
}
