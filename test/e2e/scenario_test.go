package e2e

import (
	"testing"
	"time"
)

func TestBeyondBounds(t *testing.T) {
	for name, c := range map[string]struct {
		outcome outcome
		want    int
	}{
		"a move, with a route that lags":        {outcome{verdict: Verdict{Late: time.Second, Gap: time.Minute}, terms: 1}, 0},
		"a route that stays":                    {outcome{verdict: Verdict{Late: 4 * time.Second}, terms: 1}, 1},
		"nothing happens":                       {outcome{scenario: scenario{stays: true}, verdict: Verdict{Gap: time.Second}}, 0},
		"a leader that stays, and comes back":   {outcome{scenario: scenario{stays: true}, terms: 2}, 1},
		"a leader that stays, and is not heard": {outcome{scenario: scenario{stays: true}, verdict: Verdict{Gap: 3 * time.Second}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.outcome.beyondBounds(); len(got) != c.want {
				t.Errorf("%q, want %d", got, c.want)
			}
		})
	}
}
