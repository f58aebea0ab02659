package api

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

// figures are what a way's turns tell: the median of all rounds of each.
type figures struct {
	perSecond        float64
	p50, p90, p99    time.Duration
	server, client   time.Duration // for each answer
	serverC, clientC float64       // cores
}

func figuresOf(turns []turn) figures {
	middle := func(of func(turn) float64) float64 {
		all := make([]float64, len(turns))
		for i, t := range turns {
			all[i] = of(t)
		}
		return median(all)
	}
	quantile := func(q float64) time.Duration {
		return time.Duration(middle(func(t turn) float64 { return float64(bench.Quantile(t.Latencies, q)) }))
	}
	each := func(used func(turn) time.Duration) time.Duration {
		return time.Duration(middle(func(t turn) float64 { return float64(used(t)) / float64(t.Answers) }))
	}
	cores := func(used func(turn) time.Duration) float64 {
		return middle(func(t turn) float64 { return float64(used(t)) / float64(t.Length+warmUp) })
	}
	server, client := func(t turn) time.Duration { return t.server }, func(t turn) time.Duration { return t.client }
	return figures{
		perSecond: middle(func(t turn) float64 { return t.PerSecond() }),
		p50:       quantile(0.5), p90: quantile(0.9), p99: quantile(0.99),
		server: each(server), client: each(client), serverC: cores(server), clientC: cores(client),
	}
}

// median is the middle of an odd number of values, and the lower of the two in the middle of an even number.
func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[(len(sorted)-1)/2]
}

func (f *reads) report(ctx context.Context, e bench.Effort, out io.Writer) error {
	of := map[string]figures{}
	rows := [][]string{{"", "answers/s", "p50 ms", "p90 ms", "p99 ms", "server: µs of processor/answer", "cores", "callers: µs/answer", "cores"}}
	for _, w := range f.ways {
		g := figuresOf(f.of(w))
		of[w.key] = g
		ms := func(d time.Duration) string { return fmt.Sprintf("%.2f", bench.Milliseconds(d)) }
		rows = append(rows, []string{
			w.name, fmt.Sprintf("%.0f", g.perSecond), ms(g.p50), ms(g.p90), ms(g.p99),
			fmt.Sprintf("%.0f", micros(g.server)), fmt.Sprintf("%.2f", g.serverC), fmt.Sprintf("%.0f", micros(g.client)), fmt.Sprintf("%.2f", g.clientC),
		})
	}
	grpc, rest, raw, cached := of["grpc"], of["rest"], of["raw_get"], of["raw_cached_get"]
	times := func(a, b figures) float64 { return bench.Rounded(a.perSecond/b.perSecond, 2) }
	best := grpc
	if rest.perSecond > grpc.perSecond {
		best = rest
	}
	result := bench.NewResult("reads")
	result.Set("grpc_per_s", bench.Rounded(grpc.perSecond, 0))
	result.Set("rest_per_s", bench.Rounded(rest.perSecond, 0))
	result.Set("raw_get_per_s", bench.Rounded(raw.perSecond, 0))
	result.Set("times_raw_get", times(best, raw))
	result.Set("grpc_times_raw_get", times(grpc, raw))
	result.Set("rest_times_raw_get", times(rest, raw))
	result.Set("connections", callers)
	result.Set("rounds", len(f.of(f.ways[0])))
	for _, w := range f.ways {
		g := of[w.key]
		result.Set(w.key+"_per_s", bench.Rounded(g.perSecond, 0)) // of those above it stays where it is
		result.Set(w.key+"_p50_ms", bench.Milliseconds(g.p50))
		result.Set(w.key+"_p99_ms", bench.Milliseconds(g.p99))
		result.Set(w.key+"_server_us", bench.Rounded(micros(g.server), 1))
		result.Set(w.key+"_callers_us", bench.Rounded(micros(g.client), 1))
	}
	result.Set("times_raw_cached_get", times(best, cached))
	result.Set("server_times_cheaper_than_raw_get", bench.Rounded(float64(raw.server)/float64(min(grpc.server, rest.server)), 2))
	result.Set("raw_get_refused", f.waited.refused)
	result.Set("raw_get_not_exempt", f.waited.passed)
	errs := []error{
		bench.Table(out, fmt.Sprintf("Reads: who leads, asked by %d callers on as many connections, each as soon as it is answered; medians of the rounds", callers), rows),
		result.Print(out),
		bench.Keep(ctx, e, "api", result, f.samples()),
	}
	for _, w := range f.ways {
		if text, ok := f.profiles[w.key]; ok {
			errs = append(errs, bench.KeepText(e, "api-reads-"+w.key+"-cpu.txt", text))
		}
	}
	return errors.Join(errs...)
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func (f *reads) of(w *way) (found []turn) {
	for _, t := range f.turns {
		if t.way == w {
			found = append(found, t)
		}
	}
	return found
}

func (f *reads) samples() [][]string {
	rows := [][]string{{"round", "way", "seconds", "measured", "p50_us", "p90_us", "p99_us", "max_us", "answers", "server_cpu_us", "callers_cpu_us"}}
	for _, t := range f.turns {
		row := []string{strconv.Itoa(t.round), t.way.key, fmt.Sprint(t.Length.Seconds()), strconv.Itoa(len(t.Latencies))}
		for _, q := range []float64{0.5, 0.9, 0.99, 1} {
			row = append(row, us(bench.Quantile(t.Latencies, q)))
		}
		rows = append(rows, append(row, strconv.Itoa(t.Answers), us(t.server), us(t.client)))
	}
	return rows
}

func us(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }
