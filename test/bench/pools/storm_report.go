package pools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/kube-zen/zen-lead/test/bench"
	"github.com/kube-zen/zen-lead/test/bench/audit"
)

// stormFigures are what all rounds of one writer come to.
type stormFigures struct {
	// seconds, led and lost are medians of the rounds.
	seconds, led, lost time.Duration
	// outages of all pools in all rounds.
	outages []time.Duration
	asked   audit.Count
}

func figuresOf(rounds []surge) stormFigures {
	f := stormFigures{asked: audit.Count{Kinds: map[string]int{}}}
	var seconds, led, lost []time.Duration
	for i := range rounds {
		r := &rounds[i]
		seconds, led = append(seconds, r.seconds()), append(led, r.untilLed())
		lost = append(lost, r.untilLost())
		f.outages = append(f.outages, durations(r.moves, toSlice)...)
		f.asked.Merge(r.asked)
	}
	f.seconds, f.led, f.lost = bench.Quantile(seconds, 0.5), bench.Quantile(led, 0.5), bench.Quantile(lost, 0.5)
	return f
}

func (f *storm) report(ctx context.Context, e bench.Effort, out io.Writer) error {
	our, raw := figuresOf(f.ours), figuresOf(f.limits)
	over := float64(our.seconds) / float64(raw.seconds)
	lost := f.pools * len(f.ours)
	per := func(n int) float64 { return bench.Rounded(float64(n)/float64(lost), 3) }

	result := bench.NewResult("storm")
	result.Set("leaders_lost", f.pools)
	result.Set("seconds", bench.Rounded(our.seconds.Seconds(), 3))
	result.Set("over_limit", bench.Rounded(over, 3))
	result.Set("limit_seconds", bench.Rounded(raw.seconds.Seconds(), 3))
	result.Set("rounds", len(f.ours))
	result.Set("own_records_seconds", bench.Rounded(f.ours[0].seconds().Seconds(), 3))
	result.Set("own_records_over_limit", bench.Rounded(float64(f.ours[0].seconds())/float64(f.limits[0].seconds()), 3))
	result.Set("until_led_s", bench.Rounded(our.led.Seconds(), 3))
	result.Set("limit_until_led_s", bench.Rounded(raw.led.Seconds(), 3))
	result.Set("until_lost_s", bench.Rounded(our.lost.Seconds(), 3))
	result.Set("limit_until_lost_s", bench.Rounded(raw.lost.Seconds(), 3))
	result.Set("p50_ms", bench.Milliseconds(bench.Quantile(our.outages, 0.5)))
	result.Set("p99_ms", bench.Milliseconds(bench.Quantile(our.outages, 0.99)))
	result.Set("writes_per_failover", per(our.asked.Writes))
	result.Set("failed_writes_per_failover", per(our.asked.Failed))
	result.Set("requests_per_failover", per(our.asked.Requests))
	result.Set("limit_writes_per_failover", per(raw.asked.Writes))
	result.Set("writes_after_limit", f.repairs)

	row := func(name string, of func(stormFigures) time.Duration) []string {
		return []string{name, fmt.Sprintf("%.2f", of(our).Seconds()), fmt.Sprintf("%.2f", of(raw).Seconds())}
	}
	rows := [][]string{
		{"seconds, median of the rounds", "zen-lead", "raw writes"},
		row("until the last leader is lost", func(s stormFigures) time.Duration { return s.lost }),
		row("until every slice names a successor", func(s stormFigures) time.Duration { return s.led }),
		row("until the last of all writes is seen", func(s stormFigures) time.Duration { return s.seconds }),
		{"zen-lead takes as long as the raw writes, times", fmt.Sprintf("%.2f", over), ""},
		{"seconds, all pools of all rounds", "", ""},
	}
	for _, q := range []float64{0.5, 0.9, 0.99, 1} {
		name := fmt.Sprintf("   from the loss to the slice, %v", q)
		rows = append(rows, []string{name, fmt.Sprintf("%.3f", bench.Quantile(our.outages, q).Seconds()), ""})
	}
	title := fmt.Sprintf("Storm: all %d leaders deleted at once, %d times", f.pools, len(f.ours))
	return errors.Join(
		bench.Table(out, title, rows),
		bench.Table(out, "What each lost leader asked of the API server; a role patch with 404 is that of the leader that died",
			perFailover("raw writes", lost, our.asked, raw.asked)),
		result.Print(out),
		bench.Keep(ctx, e, "pools", result, f.samples()),
		bench.KeepText(e, "pools-storm-cpu.txt", f.profile),
	)
}

func (f *storm) samples() [][]string {
	rows := [][]string{{"round", "program", "pool", "lost_us", "lease_us", "slice_us", "role_us", "status_us", "gone_us"}}
	us := func(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }
	for _, who := range []struct {
		program string
		rounds  []surge
	}{{"zen-lead", f.ours}, {"raw writes", f.limits}} {
		for i := range who.rounds {
			s := &who.rounds[i]
			for _, m := range s.moves {
				rows = append(rows, []string{
					strconv.Itoa(i + 1), who.program, m.pool, us(m.lost.Sub(s.begin)), us(m.lease), us(m.slice), us(m.role), us(m.status), us(m.gone),
				})
			}
		}
	}
	return rows
}
