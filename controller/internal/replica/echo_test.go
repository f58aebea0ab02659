package replica

import (
	"testing"
	"time"
)

func TestWhatIsHeard(t *testing.T) {
	type event struct {
		sent, back time.Duration // of the renewal; -1: none
	}
	for name, tc := range map[string]struct {
		events []event
		want   time.Duration // -1: nothing
	}{
		"nothing before the first renewal came back":              {[]event{{1, -1}}, -1},
		"what was written before the renewal that came back":      {[]event{{1, 1}}, 1},
		"no later than the renewal that came back, after another": {[]event{{1, 1}, {6, -1}}, 1},
		"the newest renewal that came back":                       {[]event{{1, 1}, {6, 6}}, 6},
		"not what only an older renewal says":                     {[]event{{6, 1}}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			var r Replica
			for _, e := range tc.events {
				r.echo.sent(epoch.Add(e.sent), epoch.Add(e.sent))
				if e.back >= 0 {
					r.echo.back(epoch.Add(e.back).In(time.Local))
				}
			}
			want := epoch.Add(tc.want)
			if tc.want < 0 {
				want = time.Time{}
			}
			if got := r.Heard(); !got.Equal(want) {
				t.Errorf("heard of %v, want %v", got, want)
			}
		})
	}
}
