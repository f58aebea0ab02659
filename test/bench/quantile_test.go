package bench

import (
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	hundred := make([]time.Duration, 100) // 100 ms down to 1 ms: the order of the samples does not matter
	for i := range hundred {
		hundred[i] = time.Duration(100-i) * time.Millisecond
	}
	for name, c := range map[string]struct {
		samples []time.Duration
		q       float64
		want    time.Duration
	}{
		"no sample has no quantile":                   {nil, 0.5, 0},
		"one sample is every quantile":                {[]time.Duration{7}, 0.99, 7},
		"the median of two is the smaller":            {[]time.Duration{9, 3}, 0.5, 3},
		"the median of three is the middle":           {[]time.Duration{9, 3, 5}, 0.5, 5},
		"99 of 100 samples do not exceed the 99th":    {hundred, 0.99, 99 * time.Millisecond},
		"the smallest is the quantile of nothing":     {hundred, 0, time.Millisecond},
		"the largest is the quantile of all":          {hundred, 1, 100 * time.Millisecond},
		"a share between two ranks counts the larger": {hundred, 0.501, 51 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Quantile(c.samples, c.q); got != c.want {
				t.Errorf("Quantile(%v) = %v, want %v", c.q, got, c.want)
			}
		})
	}
	if hundred[0] != 100*time.Millisecond {
		t.Error("Quantile sorted its caller's samples")
	}
}
