package simulation_test

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/kube-zen/zen-lead/test/simulation"
)

// TestSchedules runs a slice of what make faults runs: always the same seeds.
func TestSchedules(t *testing.T) {
	figures := simulation.Many(t, 0, slice(), nil)
	t.Log(figures)
	if t.Failed() {
		return // what went wrong ends a run early
	}
	for _, f := range figures.Missing() {
		t.Errorf("never happened: %s", f)
	}
}

// slice is how many schedules are enough for a pull request.
func slice() int {
	if n, err := strconv.Atoi(os.Getenv("ZEN_LEAD_SCHEDULES")); err == nil {
		return n
	}
	return 400
}

// TestSeed runs one schedule and tells all that happens in it: ZEN_LEAD_SEED=7 go test -run TestSeed -v .
func TestSeed(t *testing.T) {
	text := cmp.Or(os.Getenv("ZEN_LEAD_SEED"), "0")
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	out := simulation.Run(t, seed, func(line string) { fmt.Fprintln(os.Stdout, line) })
	t.Log(out.Figures)
	if out.Err != nil {
		t.Error(out.Err)
	}
}
