package overlap

import (
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/test/election"
)

func TestBoth(t *testing.T) {
	old, next := &election.Member{}, &election.Member{}
	at := func(m *election.Member, name string, s int) election.Sighting {
		return election.Sighting{Event: election.Event{At: time.Duration(s) * time.Second, Name: name}, Of: m}
	}
	for name, tc := range map[string]struct {
		seen []election.Sighting
		want time.Duration
	}{
		"the successor begins once the leader has ended": {
			[]election.Sighting{at(old, "ended", 10), at(next, "began", 16)}, 0},
		"the successor begins before the leader has ended": {
			[]election.Sighting{at(next, "began", 16), at(old, "told", 17), at(old, "ended", 18)}, 2 * time.Second},
		"what the leader told is received after what its successor did": {
			[]election.Sighting{at(next, "began", 16), at(old, "ended", 10)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := both(old, tc.seen); got != tc.want {
				t.Errorf("both() = %v, want %v", got, tc.want)
			}
		})
	}
}
