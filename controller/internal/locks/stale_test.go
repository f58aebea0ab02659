package locks

import (
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/core/lock"
)

func TestAReleaseOfWhatAnotherHomeHasGrantedIsNotAnsweredFromMemory(t *testing.T) {
	for name, token := range map[string]int64{"with its token": 5000, "whatever has become of it": 0} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, r *rig) {
				r.w.edit(t, taken) // the watch has not told yet
				err := r.Release(t.Context(), report, lock.Release{ID: "y", Account: "acc", Token: token, Settle: true})
				if err != nil || len(r.w.status().Holders) != 0 {
					t.Errorf("%v, and the record has %+v", err, r.w.status().Holders)
				}
			})
		})
	}
}

func TestAReleaseOfWhatWasGrantedOnceMoreIsNotAnsweredFromMemory(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.has(t, "y")
		<-time.After(lock.Wait(15*time.Second) + time.Second) // its time has passed, as is known here
		r.w.edit(t, taken)                                    // the watch has not told yet
		err := r.Release(t.Context(), report, lock.Release{ID: "y", Account: "acc", Token: 5000, Settle: true})
		if err != nil || len(r.w.status().Holders) != 0 {
			t.Errorf("%v, and the record has %+v", err, r.w.status().Holders)
		}
	})
}

func TestAForcedReleaseIsNotRefusedFromMemory(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.w.edit(t, taken) // the watch has not told yet
		_, err := r.Force(t.Context(), report, lock.Force{Token: 5000, Forced: lock.Forced{By: "op", Reason: "x"}, Now: true})
		if err != nil || len(r.w.status().Holders) != 0 {
			t.Errorf("%v, and the record has %+v", err, r.w.status().Holders)
		}
	})
}
