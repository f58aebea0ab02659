package locks

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// standsStill has the rig's clock go on by so much without anything that happens.
func (r *rig) standsStill(d time.Duration) {
	synctest.Wait()
	r.still.Add(int64(d))
}

func TestWhatHadWaitedWhileAReplicaStoodStillMayBeOld(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		synctest.Wait()
		says := func(when string, a Arrival, want error) {
			t.Helper()
			if err := r.Current(a); !errors.Is(err, want) {
				t.Errorf("%s: %v", when, err)
			}
		}
		for range 2 {
			before := r.Arrives()
			says("before", before, nil)
			r.standsStill(stoodStill)
			says("it was being looked at", before, ErrAway)
			says("when it goes on", r.Arrives(), ErrAway)
			<-time.After(wakesFor - time.Millisecond)
			soon := r.Arrives()
			<-time.After(2 * time.Millisecond)
			says("soon after", soon, ErrAway)
			later := r.Arrives()
			<-time.After(time.Minute)
			says("later", later, nil)
			says("a minute later", r.Arrives(), nil)
		}
		r.standsStill(stoodStill - tickEvery - time.Millisecond)
		says("after a moment", r.Arrives(), nil)
	})
}

func TestNobodyLooksOnceAKeeperHasEnded(t *testing.T) {
	var a awake
	now := time.Now()
	a.tick(now)
	a.end()
	if times, just := a.look(now.Add(time.Hour)); times != 0 || just {
		t.Errorf("%d, %t", times, just)
	}
}

func TestASuspendedMachineStoodStill(t *testing.T) {
	now := time.Now()
	if got := since(now, now.Round(0).Add(time.Hour)); got != time.Hour {
		t.Error(got)
	}
}
