package election

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/kube-zen/zen-lead/test/bench"
)

func (f *releases) report(ctx context.Context, e bench.Effort, out io.Writer) error {
	c := bench.Quantile(f.swaps, 0.5)
	inC := func(d time.Duration) float64 { return bench.Rounded(float64(d)/float64(c), 3) }
	our, their, tuned, locked := f.of(ours, began), f.of(theirs, began), f.of(theirTuned, began), f.of(onOurLock, began)
	after := f.of(ours, afterEmptied)
	p50 := bench.Quantile(our, 0.5)
	times := func(other []time.Duration) float64 {
		return bench.Rounded(float64(bench.Quantile(other, 0.5))/float64(max(p50, 1)), 1)
	}
	result := bench.NewResult("release")
	result.Set("c_ms", bench.Milliseconds(c))
	result.Set("releases", len(our))
	result.Set("members", membersPerPool)
	result.Set("p50_c", inC(p50))
	result.Set("p99_c", inC(bench.Quantile(our, 0.99)))
	result.Set("p50_ms", bench.Milliseconds(p50))
	result.Set("p99_ms", bench.Milliseconds(bench.Quantile(our, 0.99)))
	result.Set("after_lease_p50_c", inC(bench.Quantile(after, 0.5)))
	result.Set("client_go_releases", len(their))
	result.Set("client_go_p50_ms", bench.Milliseconds(bench.Quantile(their, 0.5)))
	result.Set("client_go_p99_ms", bench.Milliseconds(bench.Quantile(their, 0.99)))
	result.Set("times_faster_than_client_go", times(their))
	result.Set("resource_lock_p50_ms", bench.Milliseconds(bench.Quantile(locked, 0.5)))
	result.Set("client_go_tuned_p50_ms", bench.Milliseconds(bench.Quantile(tuned, 0.5)))
	result.Set("times_faster_than_client_go_tuned", times(tuned))
	row := func(name string, samples []time.Duration) []string {
		cells := []string{name, strconv.Itoa(len(samples))}
		for _, q := range []float64{0.5, 0.9, 0.99, 1} {
			d := bench.Quantile(samples, q)
			cells = append(cells, fmt.Sprintf("%.2f (%.2f)", bench.Milliseconds(d), float64(d)/float64(c)))
		}
		return cells
	}
	rows := [][]string{
		{"ms (multiples of c)", "n", "p50", "p90", "p99", "max"},
		row("one raw compare-and-swap: c", f.swaps),
		row("zen-lead: the successor works", our),
		row("   of which: until the Lease names nobody", f.of(ours, func(h handover) time.Duration { return h.emptied })),
		row("   of which: from there to the successor's work", after),
		row(theirs.name, their),
		row(onOurLock.name, locked),
		row(theirTuned.name, tuned),
	}
	return errors.Join(
		bench.Table(out, "Release: from the holder's decision to give up the lead until another process works", rows),
		result.Print(out),
		bench.Keep(ctx, e, "election", result, f.samples()),
	)
}

func began(h handover) time.Duration        { return h.began }
func afterEmptied(h handover) time.Duration { return h.began - h.emptied }

func (f *releases) of(p program, what func(handover) time.Duration) (found []time.Duration) {
	for _, h := range f.handovers {
		if h.program == p {
			found = append(found, what(h))
		}
	}
	return found
}

func (f *releases) samples() [][]string {
	rows := [][]string{{"n", "program", "pool", "emptied_us", "began_us"}}
	for i, h := range f.handovers {
		n := strconv.Itoa(i)
		rows = append(rows,
			[]string{n, "compare-and-swap", "", "", us(f.swaps[i])},
			[]string{n, h.program.name, h.pool, us(h.emptied), us(h.began)},
		)
	}
	return rows
}

func us(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }
