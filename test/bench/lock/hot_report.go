package lock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/kube-zen/zen-lead/test/bench"
)

// c is the median of all raw writes of a run.
func (h *hot) c() time.Duration { return bench.Quantile(h.swaps(), 0.5) }

func (h *hot) swaps() (all []time.Duration) {
	for _, r := range h.rounds {
		all = append(all, r.swaps...)
	}
	return all
}

// median is that of a figure of each round.
func (h *hot) median(of func(round) float64) float64 {
	all := make([]float64, len(h.rounds))
	for i, r := range h.rounds {
		all[i] = of(r)
	}
	return median(all)
}

// median is the middle of an odd number of values, and the lower of the two in the middle of an even number.
func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[(len(sorted)-1)/2]
}

// timesC is how many hand-overs there are in the time of one raw write of the same round.
func (r round) timesC() float64 { return r.ours * bench.Quantile(r.swaps, 0.5).Seconds() }

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// share is n of all as so many of a thousand, or of one.
func share(n, of int, each float64) float64 { return ratio(float64(n)*each, float64(of)) }

func reportHot(ctx context.Context, e bench.Effort, out io.Writer, found []*hot, profiles map[int][]byte) error {
	cpu := [][]string{{"contenders", "API server and etcd", "the same, raw write", "controllers", "contenders"}}
	rows := [][]string{{"contenders", "hand-overs/s", "c ms", "times c", "writes each", "etcd/s", "times etcd", "client-go/s", "times client-go", "conflicts", "inversions"}}
	var errs []error
	var results []*bench.Result
	for _, h := range found {
		result := h.result()
		results = append(results, result)
		ours, etcd := h.median(func(r round) float64 { return r.ours }), h.median(func(r round) float64 { return r.etcd })
		rows = append(rows, []string{
			strconv.Itoa(h.contenders), fmt.Sprintf("%.0f", ours), fmt.Sprintf("%.2f", bench.Milliseconds(h.c())),
			fmt.Sprintf("%.2f", h.median(round.timesC)), fmt.Sprintf("%.3f", share(h.inOurs.writes, h.handovers, 1)), fmt.Sprintf("%.0f", etcd),
			fmt.Sprintf("%.2f", h.median(func(r round) float64 { return ratio(r.ours, r.etcd) })),
			fmt.Sprintf("%.1f", h.electors), fmt.Sprintf("%.0f", ratio(ours, h.electors)),
			strconv.Itoa(h.inOurs.conflicts), strconv.Itoa(inversions(h.orders)),
		})
		cpu = append(cpu, []string{
			strconv.Itoa(h.contenders), each(h.spent.kubernetes, h.handovers), each(h.rawSpent.kubernetes, h.rawWrites),
			each(h.spent.controllers, h.handovers), each(h.spent.callers, h.handovers),
		})
		errs = append(errs, bench.KeepAs(ctx, e, fmt.Sprintf("lock-hot-%d", h.contenders), result, h.samples()))
		errs = append(errs, h.check())
	}
	errs = append(errs, bench.Table(out, "Hot: one lock, each contender asks again as soon as it has given it up; medians of the rounds", rows),
		bench.Table(out, "Hot: µs of processor for each hand-over", cpu))
	for _, r := range results {
		errs = append(errs, r.Print(out))
	}
	for n, text := range profiles {
		errs = append(errs, bench.KeepText(e, fmt.Sprintf("lock-hot-%d-cpu.txt", n), text))
	}
	return errors.Join(errs...)
}

// check fails where zen-lead did what it may not, or the order of the grants is not known.
func (h *hot) check() error {
	if n := doubled(h.orders); n > 0 {
		return fmt.Errorf("%d contenders: %d tokens were granted twice", h.contenders, n)
	}
	if !slices.ContainsFunc(h.orders, func(t turnOf) bool { return t.waited > 0 }) {
		return fmt.Errorf("%d contenders: none was told that it waits", h.contenders)
	}
	return nil
}

// each is a share of the processor's time, in microseconds.
func each(d time.Duration, n int) string { return fmt.Sprintf("%.0f", eachMicros(d, n)) }

func eachMicros(d time.Duration, n int) float64 { return ratio(float64(d.Microseconds()), float64(n)) }

func (h *hot) result() *bench.Result {
	ours := h.median(func(r round) float64 { return r.ours })
	r := bench.NewResult("lock-hot")
	r.Set("contenders", h.contenders)
	r.Set("c_ms", bench.Milliseconds(h.c()))
	r.Set("writes_per_handover", bench.Rounded(share(h.inOurs.writes, h.handovers, 1), 4))
	r.Set("handovers_times_c", bench.Rounded(h.median(round.timesC), 3))
	r.Set("times_etcd_mutex", bench.Rounded(h.median(func(r round) float64 { return ratio(r.ours, r.etcd) }), 2))
	r.Set("times_client_go_loop", bench.Rounded(ratio(ours, h.electors), 1))
	r.Set("conflicts_per_1000", bench.Rounded(share(h.inOurs.conflicts, h.handovers, 1000), 3))
	r.Set("fifo_inversions", inversions(h.orders))
	r.Set("rounds", len(h.rounds))
	r.Set("handovers", h.handovers)
	r.Set("handovers_per_s", bench.Rounded(ours, 1))
	r.Set("etcd_mutex_per_s", bench.Rounded(h.median(func(r round) float64 { return r.etcd }), 1))
	r.Set("client_go_loop_per_s", bench.Rounded(h.electors, 2))
	r.Set("api_server_us_per_handover", bench.Rounded(eachMicros(h.spent.kubernetes, h.handovers), 0))
	r.Set("api_server_us_per_raw_write", bench.Rounded(eachMicros(h.rawSpent.kubernetes, h.rawWrites), 0))
	r.Set("controllers_us_per_handover", bench.Rounded(eachMicros(h.spent.controllers, h.handovers), 0))
	return r
}

func (h *hot) samples() [][]string {
	rows := [][]string{{"round", "swaps", "swap_p50_us", "swap_p99_us", "handovers_per_s", "etcd_per_s"}}
	for i, r := range h.rounds {
		rows = append(rows, []string{
			strconv.Itoa(i), strconv.Itoa(len(r.swaps)), us(bench.Quantile(r.swaps, 0.5)), us(bench.Quantile(r.swaps, 0.99)),
			fmt.Sprintf("%.2f", r.ours), fmt.Sprintf("%.2f", r.etcd),
		})
	}
	return rows
}

func us(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }
