package simulation_test

import (
	"os"
	"reflect"
	"strconv"
	"testing"

	"github.com/kube-zen/zen-lead/test/simulation"
)

// TestASeedGivesTheSameSchedule: a failure that cannot be seen again cannot be understood. One schedule in a thousand goes
// differently now and then; see the package.
func TestASeedGivesTheSameSchedule(t *testing.T) {
	different := 0
	seeds := 30
	if n, err := strconv.Atoi(os.Getenv("ZEN_LEAD_SCHEDULES")); err == nil {
		seeds = n
	}
	for seed := range uint64(seeds) {
		a, b := simulation.Run(t, seed, nil), simulation.Run(t, seed, nil)
		if !reflect.DeepEqual(a.Events, b.Events) {
			different++
			for i := range a.Events {
				if i >= len(b.Events) || !reflect.DeepEqual(a.Events[i], b.Events[i]) {
					t.Logf("seed %d: write %d of %d and %d:\n%+v\n%+v", seed, i, len(a.Events), len(b.Events), a.Events[i], b.Events[min(i, len(b.Events)-1)])
					break
				}
			}
		}
	}
	if different > 1+seeds/100 {
		t.Errorf("%d of %d schedules went differently the second time", different, seeds)
	}
}
