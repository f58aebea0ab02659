package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/kube-zen/zen-lead/test/bench"
)

func (f *propagation) report(ctx context.Context, e bench.Effort, out io.Writer) error {
	c := bench.Quantile(f.swaps, 0.5)
	inC := func(samples []time.Duration, q float64) float64 {
		return bench.Rounded(float64(bench.Quantile(samples, q))/float64(c), 3)
	}
	toldAt := func(n int) []time.Duration { return f.each(func(l loss) time.Duration { return l.told[n] }) }
	var told, after []time.Duration
	for n := range replicas {
		told = append(told, toldAt(n)...)
		after = append(after, f.each(func(l loss) time.Duration { return l.told[n] - l.leased })...)
	}
	leased := f.each(func(l loss) time.Duration { return l.leased })
	deleted := f.each(func(l loss) time.Duration { return l.deleted })
	result := bench.NewResult("propagation")
	result.Set("c_ms", bench.Milliseconds(c))
	result.Set("failovers", len(f.losses))
	result.Set("replicas", replicas)
	result.Set("p50_c", inC(told, 0.5))
	result.Set("p99_c", inC(told, 0.99))
	result.Set("p50_ms", bench.Milliseconds(bench.Quantile(told, 0.5)))
	result.Set("p99_ms", bench.Milliseconds(bench.Quantile(told, 0.99)))
	result.Set("deleted_p50_c", inC(deleted, 0.5))
	result.Set("lease_watch_p50_c", inC(leased, 0.5))
	result.Set("lease_watch_p99_c", inC(leased, 0.99))
	result.Set("after_lease_watch_p50_c", inC(after, 0.5))
	result.Set("after_lease_watch_p99_c", inC(after, 0.99))
	result.Set("events_per_failover", bench.Rounded(float64(f.events)/float64(len(f.losses)*replicas), 2))
	row := func(name string, samples []time.Duration) []string {
		cells := []string{name}
		for _, q := range []float64{0.5, 0.9, 0.99, 1} {
			d := bench.Quantile(samples, q)
			cells = append(cells, fmt.Sprintf("%.2f (%.2f)", bench.Milliseconds(d), float64(d)/float64(c)))
		}
		return cells
	}
	rows := [][]string{
		{"ms (multiples of c)", "p50", "p90", "p99", "max"},
		row("one raw compare-and-swap: c", f.swaps),
		row("a subscriber is told, at either replica", told),
	}
	for n := range replicas {
		rows = append(rows, row(fmt.Sprintf("   at replica %d", n+1), toldAt(n)))
	}
	rows = append(rows,
		row("peer: a watch of the Lease sees the new leader", leased),
		row("   from there until the subscriber is told", after),
		row("the deletion is answered", deleted),
	)
	title := fmt.Sprintf("Propagation: %d failovers, one at a time; from the sending of the leader's deletion", len(f.losses))
	return errors.Join(
		bench.Table(out, title, rows),
		result.Print(out),
		bench.Keep(ctx, e, "api", result, f.samples()),
	)
}

func (f *propagation) each(of func(loss) time.Duration) []time.Duration {
	all := make([]time.Duration, len(f.losses))
	for i, l := range f.losses {
		all[i] = of(l)
	}
	return all
}

func (f *propagation) samples() [][]string {
	rows := [][]string{{"n", "pool", "swap_us", "deleted_us", "leased_us"}}
	for n := range replicas {
		rows[0] = append(rows[0], fmt.Sprintf("told_%d_us", n+1))
	}
	for i, l := range f.losses {
		row := []string{strconv.Itoa(i), l.pool, us(f.swaps[i]), us(l.deleted), us(l.leased)}
		for _, d := range l.told {
			row = append(row, us(d))
		}
		rows = append(rows, row)
	}
	return rows
}
