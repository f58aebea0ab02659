package api

import (
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/test/bench/api/load"
)

func TestFiguresAreMediansOfTheRounds(t *testing.T) {
	const ms = time.Millisecond
	round := func(answers int, latency, server time.Duration) turn {
		s := load.Slice{Length: 3 * time.Second, Answers: 2 * answers}
		for range answers {
			s.Latencies = append(s.Latencies, latency)
		}
		return turn{Slice: s, server: server, client: server / 2}
	}
	// The second round was disturbed; which round is in the middle differs from figure to figure.
	got := figuresOf([]turn{round(300, 4*ms, 600*ms), round(30, 70*ms, 600*ms), round(600, 5*ms, 1200*ms)})
	want := figures{
		perSecond: 100, p50: 5 * ms, p90: 5 * ms, p99: 5 * ms,
		server: 1 * ms, client: 500 * time.Microsecond, serverC: 0.15, clientC: 0.075,
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTheMedianWasMeasured(t *testing.T) {
	for name, c := range map[string]struct {
		of   []float64
		want float64
	}{
		"nothing has none":       {nil, 0},
		"the middle of three":    {[]float64{9, 1, 5}, 5},
		"the lower of two":       {[]float64{9, 3}, 3},
		"not between two values": {[]float64{4, 1, 2, 3}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			if got := median(c.of); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
