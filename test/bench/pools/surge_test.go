package pools

import (
	"testing"
	"time"
)

func TestASurgeLastsUntilTheLastWriteOfTheSlowestPool(t *testing.T) {
	begin := time.Now()
	s := surge{begin: begin, moves: []move{
		{lost: begin.Add(time.Second), slice: 3 * time.Second, status: 4 * time.Second},
		{lost: begin.Add(2 * time.Second), slice: time.Second, role: 4 * time.Second, status: 2 * time.Second},
	}}
	for what, c := range map[string]struct{ got, want time.Duration }{
		"the last loss":                   {s.untilLost(), 2 * time.Second},
		"the last slice":                  {s.untilLed(), 4 * time.Second},
		"the last write, whichever it is": {s.seconds(), 6 * time.Second},
	} {
		if c.got != c.want {
			t.Errorf("%s after %v, want %v", what, c.got, c.want)
		}
	}
}
