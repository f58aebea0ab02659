package zenlead

import (
	"testing"
	"time"
)

func TestFromWhenAGrantCounts(t *testing.T) {
	at := func(mono, wall int64) instant {
		return instant{mono: time.Duration(mono) * time.Second, wall: time.Unix(1_700_000_000+wall, 0)}
	}
	sent := at(100, 0)
	for name, test := range map[string]struct {
		answered instant
		waited   time.Duration
		want     instant
	}{
		"it did not wait":                               {at(101, 1), 0, sent},
		"it waited, by a clock that may be ahead":       {at(201, 101), 100 * time.Second, at(195, 95)},
		"it says that it waited for longer than it was": {at(101, 1), 100 * time.Second, sent},
		"this machine was suspended meanwhile":          {at(110, 101), 100 * time.Second, sent},
		"the wall clock was set back meanwhile":         {at(201, 10), 100 * time.Second, sent},
		"a wait that cannot be":                         {at(201, 101), -100 * time.Second, sent},
	} {
		t.Run(name, func(t *testing.T) {
			if got := heard(sent, test.answered, test.waited); got != test.want {
				t.Errorf("from %v", got)
			}
		})
	}
}

func TestTimesOfATTL(t *testing.T) {
	for _, ttl := range []time.Duration{3 * time.Second, 15 * time.Second, time.Hour} {
		if last := renewTime(ttl) + 3*max(tryTime(ttl), retryTime(ttl)); last > workTime(ttl) {
			t.Errorf("ttl %v: the third try may end after %v", ttl, last)
		}
		// Another begins after ttl and a twentieth, by a clock that may be a twentieth ahead: not before ttl.
		if end := hardTime(ttl) + slack(hardTime(ttl)); end > ttl {
			t.Errorf("ttl %v: by a slow clock work may end after %v", ttl, end)
		}
	}
}
