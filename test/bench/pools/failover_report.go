package pools

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/kube-zen/zen-lead/test/bench"
	"github.com/kube-zen/zen-lead/test/bench/audit"
)

func reportFailovers(ctx context.Context, e bench.Effort, out io.Writer, pools int, rounds []round) error {
	result := bench.NewResult("failover")
	samples := [][]string{{"n", "leader", "program", "pool", "lease_us", "slice_us", "role_us", "status_us", "gone_us"}}
	var errs []error
	for i := range rounds {
		r := &rounds[i]
		// The first variant has the plain keys.
		prefix := ""
		if r.variant == unready {
			prefix = "unready_"
		}
		r.figures(result, prefix)
		if i == 0 {
			result.Set("pools", pools)
			result.Set("failovers", len(r.ours))
		}
		samples = append(samples, r.samples()...)
		errs = append(errs, r.print(out))
	}
	return errors.Join(append(errs, result.Print(out), bench.Keep(ctx, e, "pools", result, samples))...)
}

// figures sets what the round found. c is the median of the compare-and-swaps in between.
func (r *round) figures(result *bench.Result, prefix string) {
	c := bench.Quantile(r.swaps, 0.5)
	inC := func(d time.Duration) float64 { return bench.Rounded(float64(d)/float64(c), 3) }
	result.Set(prefix+"c_ms", bench.Milliseconds(c))
	for _, who := range []struct {
		name  string
		moves []move
	}{{"", r.ours}, {"peer_", r.peers}} {
		slice := durations(who.moves, func(m move) time.Duration { return m.slice })
		for _, q := range []float64{0.5, 0.99} {
			name := prefix + who.name + "p" + strconv.FormatFloat(100*q, 'f', -1, 64)
			result.Set(name+"_c", inC(bench.Quantile(slice, q)))
			result.Set(name+"_ms", bench.Milliseconds(bench.Quantile(slice, q)))
		}
		result.Set(prefix+who.name+"lease_p50_c", inC(bench.Quantile(durations(who.moves, toLease), 0.5)))
		result.Set(prefix+who.name+"slice_after_lease_p50_c", inC(bench.Quantile(durations(who.moves, leaseToSlice), 0.5)))
	}
	if r.variant == deleted {
		gone := durations(r.ours, func(m move) time.Duration { return m.slice - m.gone })
		result.Set(prefix+"from_gone_p50_c", inC(bench.Quantile(gone, 0.5)))
		result.Set(prefix+"from_gone_p99_c", inC(bench.Quantile(gone, 0.99)))
	}
	n := float64(len(r.ours))
	result.Set(prefix+"writes_per_failover", bench.Rounded(float64(r.oursAsked.Writes)/n, 3))
	result.Set(prefix+"failed_writes_per_failover", bench.Rounded(float64(r.oursAsked.Failed)/n, 3))
	result.Set(prefix+"requests_per_failover", bench.Rounded(float64(r.oursAsked.Requests)/n, 3))
	result.Set(prefix+"peer_writes_per_failover", bench.Rounded(float64(r.peerAsked.Writes)/n, 3))
}

func durations(moves []move, of func(move) time.Duration) []time.Duration {
	all := make([]time.Duration, len(moves))
	for i, m := range moves {
		all[i] = of(m)
	}
	return all
}

func toLease(m move) time.Duration      { return m.lease }
func leaseToSlice(m move) time.Duration { return m.slice - m.lease }
func toSlice(m move) time.Duration      { return m.slice }

func (r *round) print(out io.Writer) error {
	c := bench.Quantile(r.swaps, 0.5)
	head := []string{"ms (multiples of c)", "p50", "p90", "p99", "max"}
	row := func(name string, samples []time.Duration) []string {
		cells := []string{name}
		for _, q := range []float64{0.5, 0.9, 0.99, 1} {
			d := bench.Quantile(samples, q)
			cells = append(cells, fmt.Sprintf("%.2f (%.2f)", bench.Milliseconds(d), float64(d)/float64(c)))
		}
		return cells
	}
	title := fmt.Sprintf("Failover, leader %s: %d, one at a time; from the event that the leader is lost", r.variant, len(r.ours))
	rows := [][]string{
		head,
		row("one raw compare-and-swap: c", r.swaps),
		row("zen-lead: the Service names the successor", durations(r.ours, toSlice)),
		row("   of which: until the Lease does", durations(r.ours, toLease)),
		row("   of which: from there to the Service", durations(r.ours, leaseToSlice)),
		row("   roles are right", durations(r.ours, func(m move) time.Duration { return m.role })),
		row("   status is right", durations(r.ours, func(m move) time.Duration { return m.status })),
		row("peer: the slice names the successor", durations(r.peers, toSlice)),
		row("   of which: until the Lease does", durations(r.peers, toLease)),
		row("   of which: from there to the slice", durations(r.peers, leaseToSlice)),
	}
	if r.variant == deleted {
		rows = append(rows, row("the pod is gone (from its deletion timestamp)", durations(r.ours, func(m move) time.Duration { return m.gone })))
	}
	return errors.Join(
		bench.Table(out, title, rows),
		bench.Table(out, "What each failover asked of the API server", perFailover("peer", len(r.ours), r.oursAsked, r.peerAsked)),
	)
}

func perFailover(other string, n int, our, their audit.Count) [][]string {
	rows := [][]string{{"per failover", "zen-lead", other}}
	cell := func(k int) string { return fmt.Sprintf("%.3f", float64(k)/float64(n)) }
	rows = append(rows,
		[]string{"writes", cell(our.Writes), cell(their.Writes)},
		[]string{"writes that failed", cell(our.Failed), cell(their.Failed)},
		[]string{"events", cell(our.Events), cell(their.Events)},
	)
	for _, k := range kinds(our, their) {
		rows = append(rows, []string{"   " + k, cell(our.Kinds[k]), cell(their.Kinds[k])})
	}
	return rows
}

// kinds lists what either asked for, what we asked for most first.
func kinds(our, their audit.Count) []string {
	all := map[string]bool{}
	for _, count := range []audit.Count{our, their} {
		for k := range count.Kinds {
			all[k] = true
		}
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(cmp.Compare(our.Kinds[b], our.Kinds[a]), cmp.Compare(a, b))
	})
}
