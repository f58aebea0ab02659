package lock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/kube-zen/zen-lead/test/bench"
)

// all are the latencies of all rounds.
func (f *free) all(of func(freeRound) []time.Duration) (all []time.Duration) {
	for _, r := range f.rounds {
		all = append(all, of(r)...)
	}
	return all
}

func (f *free) median(of func(freeRound) float64) float64 {
	all := make([]float64, len(f.rounds))
	for i, r := range f.rounds {
		all[i] = of(r)
	}
	return median(all)
}

func (f *free) report(ctx context.Context, e bench.Effort, out io.Writer) error {
	swaps := f.all(func(r freeRound) []time.Duration { return r.swaps })
	acquires := f.all(func(r freeRound) []time.Duration { return r.acquires })
	releases := f.all(func(r freeRound) []time.Duration { return r.releases })
	c, worst := bench.Quantile(swaps, 0.5), bench.Quantile(swaps, 0.99)
	writes := f.median(func(r freeRound) float64 { return 2 * r.pairsPerSecond })
	raws := f.median(func(r freeRound) float64 { return r.rawPerSecond })
	rows := [][]string{{"", "p50 ms", "p99 ms", "p50 c", "p99 over raw p99", "writes/s, " + strconv.Itoa(sideBySide) + " at once"}}
	for _, row := range []struct {
		name   string
		all    []time.Duration
		writes float64
	}{{"raw write", swaps, raws}, {"acquire", acquires, writes}, {"release", releases, writes}} {
		p50, p99 := bench.Quantile(row.all, 0.5), bench.Quantile(row.all, 0.99)
		rows = append(rows, []string{
			row.name, fmt.Sprintf("%.2f", bench.Milliseconds(p50)), fmt.Sprintf("%.2f", bench.Milliseconds(p99)),
			fmt.Sprintf("%.2f", over(p50, c)), fmt.Sprintf("%.2f", over(p99, worst)), fmt.Sprintf("%.0f", row.writes),
		})
	}
	result := bench.NewResult("lock-free")
	result.Set("c_ms", bench.Milliseconds(c))
	result.Set("acquire_p50_c", bench.Rounded(over(bench.Quantile(acquires, 0.5), c), 2))
	result.Set("acquire_p99_over_raw_p99", bench.Rounded(over(bench.Quantile(acquires, 0.99), worst), 2))
	result.Set("ops_over_raw_writes", bench.Rounded(f.median(func(r freeRound) float64 { return ratio(2*r.pairsPerSecond, r.rawPerSecond) }), 3))
	result.Set("release_p50_c", bench.Rounded(over(bench.Quantile(releases, 0.5), c), 2))
	result.Set("release_p99_over_raw_p99", bench.Rounded(over(bench.Quantile(releases, 0.99), worst), 2))
	result.Set("ops_per_s", bench.Rounded(writes, 0))
	result.Set("raw_writes_per_s", bench.Rounded(raws, 0))
	result.Set("rounds", len(f.rounds))
	result.Set("acquires", len(acquires))
	return errors.Join(
		bench.Table(out, "Free: locks for which nobody contends; one after the other, then side by side", rows),
		result.Print(out),
		bench.KeepAs(ctx, e, "lock-free", result, f.samples()),
	)
}

func over(a, b time.Duration) float64 { return ratio(float64(a), float64(b)) }

func (f *free) samples() [][]string {
	rows := [][]string{{"round", "what", "us"}}
	for i, r := range f.rounds {
		n := strconv.Itoa(i)
		for _, kind := range []struct {
			what string
			all  []time.Duration
		}{{"swap", r.swaps}, {"acquire", r.acquires}, {"release", r.releases}} {
			for _, d := range kind.all {
				rows = append(rows, []string{n, kind.what, us(d)})
			}
		}
		rows = append(rows, []string{n, "raw_per_s", fmt.Sprintf("%.1f", r.rawPerSecond)}, []string{n, "pairs_per_s", fmt.Sprintf("%.1f", r.pairsPerSecond)})
	}
	return rows
}
