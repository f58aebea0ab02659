package bench

import (
	"math"
	"slices"
	"time"
)

// Quantile returns the smallest sample that at least the share q of all samples does not exceed (nearest rank): always a
// value that was measured, never one between two. It is 0 where there are no samples.
func Quantile(samples []time.Duration, q float64) time.Duration {
	if len(samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(samples))
	rank := int(math.Ceil(q * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Milliseconds is a duration as the result lines give it, to the microsecond.
func Milliseconds(d time.Duration) float64 { return Rounded(float64(d)/float64(time.Millisecond), 3) }

// Rounded cuts off digits that say nothing.
func Rounded(f float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(f*scale) / scale
}
