package locks

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/lock"
)

// taken is a record of which another home has taken the lock from its holder, and granted it to somebody else.
func taken(s *v1alpha1.ManualLockStatus) {
	s.Token = 5000
	s.Holders = []v1alpha1.LockHolder{{RequestID: "y", Owner: "y", Account: "acc", Token: 5000, TTLSeconds: 15, Home: "h2"}}
}

func TestWhatTheWatchBringsWhileAWriteIsUnderWayIsNotMissed(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.w.way = append(r.w.way, func(_ context.Context, do func() error) error {
			err := do()
			r.w.edit(t, taken)
			r.saw(r.w.objects[report].DeepCopy()) // before the answer to the write
			return err
		})
		a := r.has(t, "a")
		synctest.Wait()
		if r.Keep(report, lock.Renew{ID: "a", Account: "acc", Token: a.Token}, "h1") {
			t.Error("kept, and the record names another holder, as this replica was told")
		}
	})
}

func TestWhatTheWatchBringsWhileTheRecordIsReadIsNotMissed(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		a := r.has(t, "a")
		renew := lock.Renew{ID: "a", Account: "acc", Token: a.Token}
		r.w.answered = func() {
			r.w.edit(t, taken)
			r.saw(r.w.objects[report].DeepCopy())
		}
		_, _ = r.Renew(t.Context(), report, renew) // kept still, or lost already
		synctest.Wait()
		if r.Keep(report, renew, "h1") {
			t.Error("kept, and the record names another holder, as this replica was told")
		}
	})
}

func TestALockThatIsDeletedWhileItIsReadIsNotKept(t *testing.T) {
	for name, again := range map[string]bool{"and is gone": false, "and made again": true} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, r *rig) {
				a := r.has(t, "a")
				renew := lock.Renew{ID: "a", Account: "acc", Token: a.Token}
				r.w.answered = func() {
					r.w.mu.Lock()
					gone := r.w.objects[report]
					delete(r.w.objects, report)
					next := gone.DeepCopy()
					next.UID, next.ResourceVersion, next.Status = "u2", "900", v1alpha1.ManualLockStatus{}
					if again {
						r.w.version, r.w.objects[report] = 900, next
					}
					r.w.mu.Unlock()
					r.lost(gone)
					if again {
						r.saw(next.DeepCopy())
					}
				}
				_, _ = r.Renew(t.Context(), report, renew)
				synctest.Wait()
				if r.Keep(report, renew, "h1") {
					t.Error("kept, and the lock was deleted, as this replica was told")
				}
			})
		})
	}
}

func TestATimeThatPassesWhileSomebodyIsBusyIsNotMissed(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.has(t, "a")
		b := r.Ask(t.Context(), report, wish("b", -1))
		<-time.After(5 * time.Second) // that it waits is written
		free := lock.Wait(15*time.Second) - 5*time.Second
		// Who tells an answer is held up until a's time has passed, which was not yet when it was decided.
		held := posted{event: lock.Release{ID: "x", Account: "acc", Token: 1}, told: func(lock.Answer) { <-time.After(free + time.Second) }}
		go r.with(report, func(d *desk) bool { return d.post(t.Context(), held) })
		select {
		case got := <-b.Answer:
			if got.Err != nil {
				t.Error(got.Err)
			}
		case <-time.After(time.Minute):
			t.Error("b waits, and nobody holds the lock")
		}
	})
}
