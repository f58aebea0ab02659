package bench

import "os"

// Effort says how much is measured.
type Effort int

const (
	// Full fits in 20 minutes on 2 cores with warm builds.
	Full Effort = iota
	// Quick (BENCH_QUICK=1) tries the benchmarks themselves in a minute or two. Its figures mean nothing, so its files
	// are not kept.
	Quick
	// Long (BENCH_LONG=1) takes its time.
	Long
)

// EffortWanted is what the environment asks for.
func EffortWanted() Effort {
	switch {
	case os.Getenv("BENCH_QUICK") == "1":
		return Quick
	case os.Getenv("BENCH_LONG") == "1":
		return Long
	default:
		return Full
	}
}

// Pick returns the value for an effort.
func Pick[T any](e Effort, quick, full, long T) T {
	return [...]T{Full: full, Quick: quick, Long: long}[e]
}
