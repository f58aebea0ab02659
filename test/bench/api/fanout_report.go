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

// errMissed: the figures are printed all the same.
var errMissed = errors.New("subscribers missed changes")

func reportFanout(ctx context.Context, e bench.Effort, out io.Writer, all []*fanout) error {
	rows := [][]string{{"subscribers", "told: p50 ms", "p99 ms", "the last: p50 ms", "from the deletion: p50 ms", "p99 ms", "missed", "KiB/stream", "server: µs of processor/told", "subscribers: µs/told"}}
	var missed []error
	for _, f := range all {
		g := f.figures()
		ms := func(d time.Duration) string { return fmt.Sprintf("%.2f", bench.Milliseconds(d)) }
		rows = append(rows, []string{
			strconv.Itoa(f.subscribers), ms(g.p50), ms(g.p99), ms(g.last), ms(g.deleteP50), ms(g.deleteP99),
			strconv.Itoa(f.missed), fmt.Sprintf("%.1f", g.kib), fmt.Sprintf("%.1f", micros(g.server)), fmt.Sprintf("%.1f", micros(g.callers)),
		})
		if f.missed > 0 {
			missed = append(missed, fmt.Errorf("%d subscribers: %d times: %w", f.subscribers, f.missed, errMissed))
		}
	}
	title := "Fan-out: from the moment at which a watch of the Lease sees a new leader until each subscriber is told"
	told := bench.Table(out, title, rows)
	for _, f := range all {
		told = errors.Join(told, f.keep(ctx, e, out))
	}
	return errors.Join(append(missed, told)...)
}

// keep prints the line of one number of subscribers, and keeps what was found.
func (f *fanout) keep(ctx context.Context, e bench.Effort, out io.Writer) error {
	g := f.figures()
	result := bench.NewResult("fanout")
	result.Set("subscribers", f.subscribers)
	result.Set("p50_ms", bench.Milliseconds(g.p50))
	result.Set("p99_ms", bench.Milliseconds(g.p99))
	result.Set("kib_per_stream", bench.Rounded(g.kib, 1))
	result.Set("missed", f.missed)
	result.Set("changes", len(f.changes))
	result.Set("connections", callers)
	result.Set("last_p50_ms", bench.Milliseconds(g.last))
	result.Set("from_delete_p50_ms", bench.Milliseconds(g.deleteP50))
	result.Set("from_delete_p99_ms", bench.Milliseconds(g.deleteP99))
	result.Set("events_per_change", bench.Rounded(g.events, 2))
	result.Set("server_us_per_told", bench.Rounded(micros(g.server), 1))
	result.Set("callers_us_per_told", bench.Rounded(micros(g.callers), 1))
	result.Set("rss_mib", bench.Rounded(float64(f.after.Resident)/(1<<20), 1))
	result.Set("cpu_cores_idle", bench.Rounded(f.restCores, 3))
	name := fmt.Sprintf("api-fanout-%d", f.subscribers)
	return errors.Join(
		result.Print(out),
		bench.KeepAs(ctx, e, name, result, f.samples()),
		bench.KeepText(e, name+"-cpu.txt", f.profile),
		bench.KeepText(e, name+"-heap.txt", f.heap),
	)
}

// fanoutFigures are over all subscribers and changes.
type fanoutFigures struct {
	p50, p99, last, deleteP50, deleteP99 time.Duration
	server, callers                      time.Duration // for each subscriber that was told
	kib, events                          float64
}

func (f *fanout) figures() (g fanoutFigures) {
	var told, fromDelete, last []time.Duration
	for _, t := range f.changes {
		for _, d := range t.all {
			told, fromDelete = append(told, d-t.published()), append(fromDelete, d)
		}
		last = append(last, t.last-t.published())
	}
	g.p50, g.p99 = bench.Quantile(told, 0.5), bench.Quantile(told, 0.99)
	g.deleteP50, g.deleteP99 = bench.Quantile(fromDelete, 0.5), bench.Quantile(fromDelete, 0.99)
	g.last = bench.Quantile(last, 0.5)
	g.kib = float64(f.after.Resident-f.before.Resident) / 1024 / float64(f.subscribers)
	if n := f.subscribers * len(f.changes); n > 0 {
		g.events = float64(f.events) / float64(n)
		g.server, g.callers = f.server/time.Duration(n), f.callers/time.Duration(n)
	}
	return g
}

func (f *fanout) samples() [][]string {
	rows := [][]string{{"n", "leased_us", "first_us", "p50_us", "p90_us", "p99_us", "last_us", "told"}}
	for i, t := range f.changes {
		row := []string{strconv.Itoa(i), us(t.leased), us(t.first)}
		for _, q := range []float64{0.5, 0.9, 0.99, 1} {
			row = append(row, us(bench.Quantile(t.all, q)))
		}
		rows = append(rows, append(row, strconv.Itoa(len(t.all))))
	}
	return rows
}
