package simulation

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
)

// failures are as many as are told.
const failures = 20

// lateOnceIn bounds how often a late leader may be seen; a version that marks nobody has one in 2,500 schedules.
const lateOnceIn = 10_000

// Many runs n schedules, whose seeds begin with first, on all processors. Each that goes wrong is an error of the test,
// which says how to run it alone. progress, unless it is nil, is called after each.
func Many(t *testing.T, first uint64, n int, progress func(*Figures)) *Figures {
	t.Helper()
	all := &Figures{}
	var next, failed atomic.Int64
	t.Run("schedules", func(t *testing.T) {
		for i := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				for at := next.Add(1) - 1; at < int64(n) && failed.Load() < failures; at = next.Add(1) - 1 {
					seed := first + uint64(at)
					out := Run(t, seed, nil)
					all.Add(out.Figures)
					if out.Err != nil {
						failed.Add(1)
						t.Errorf("%v\nalone: ZEN_LEAD_SEED=%d go -C test test -count=1 -v -run TestSeed ./simulation", out.Err, seed)
					}
					if progress != nil {
						progress(all)
					}
				}
			})
		}
	})
	if late, most := all.Count(LateLeaders), 1+n/lateOnceIn; late > most {
		t.Errorf("%d schedules had a late leader, want at most %d", late, most)
	}
	return all
}
