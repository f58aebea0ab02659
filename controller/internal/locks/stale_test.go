package locks

import (
	"errors"
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
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

// TestHeldIsWhatTheRecordSays is of a lock that another home has freed, of which the watch has not told yet.
func TestHeldIsWhatTheRecordSays(t *testing.T) {
	for name, tc := range map[string]struct {
		wait time.Duration
		want error
		// freed: it was, and unread: the record cannot be read.
		freed, unread bool
	}{
		"to who does not wait":                          {0, lock.ErrHeld, false, false},
		"not to who does not wait, as it is free":       {0, nil, true, false},
		"to who does not wait, and it cannot be read":   {0, ErrAway, true, true},
		"to who has waited for long enough":             {100 * time.Millisecond, lock.ErrHeld, false, false},
		"not to who has waited, as it is free":          {100 * time.Millisecond, nil, true, false},
		"to who has waited, and it cannot be read then": {100 * time.Millisecond, ErrUnknown, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, r *rig) {
				r.has(t, "a")
				if tc.freed {
					r.w.edit(t, func(s *v1alpha1.ManualLockStatus) { s.Holders = nil })
				}
				if tc.unread {
					r.w.unread = 1
				}
				seat := r.Ask(t.Context(), report, wish("b", tc.wait))
				if got := <-seat.Answer; !errors.Is(got.Err, tc.want) || tc.want == nil && got.Err != nil {
					t.Errorf("got %+v, want %v", got, tc.want)
				}
			})
		})
	}
}
