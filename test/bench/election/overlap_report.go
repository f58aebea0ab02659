package election

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

func (f *overlaps) report(ctx context.Context, e bench.Effort, out io.Writer) error {
	result := bench.NewResult("overlap")
	rows := [][]string{{"", "runs", "two worked at once", "for at most (s)"}}
	for _, p := range programs {
		total := f.count(p, latenesses...)
		key := map[program]string{ours: "", theirs: "client_go_", oursTuned: "tuned_", theirTuned: "client_go_tuned_"}[p]
		result.Set(key+"runs", total.runs)
		result.Set(key+"runs_with_two_holders", total.two)
		result.Set(key+"two_holders_max_s", inSeconds(total.longest))
		rows = append(rows, total.row(p.name))
		for _, l := range []lateness{theirTimeout, ourTimeout, anyTime} {
			rows = append(rows, f.count(p, l).row("   answered "+string(l)))
		}
	}
	result.Set("members", membersPerPool)
	return errors.Join(
		bench.Table(out, "A renewal is applied, its answer comes late, then the leader is cut off: runs in which two members worked at once", rows),
		result.Print(out),
		bench.Keep(ctx, e, "election", result, f.samples()),
	)
}

// counted is what became of some runs.
type counted struct {
	runs, two int
	longest   time.Duration
}

func (c counted) row(name string) []string {
	return []string{name, strconv.Itoa(c.runs), strconv.Itoa(c.two), fmt.Sprint(inSeconds(c.longest))}
}

func (f *overlaps) count(p program, late ...lateness) (c counted) {
	for _, r := range f.all {
		if r.program != p || !slices.Contains(late, r.late) {
			continue
		}
		c.runs++
		if r.Both > 0 {
			c.two++
		}
		c.longest = max(c.longest, r.Both)
	}
	return c
}

func (f *overlaps) samples() [][]string {
	rows := [][]string{{"program", "pool", "late_us", "deaf", "cut_us", "ended_us", "began_us", "both_us", "cause"}}
	for _, r := range f.all {
		rows = append(rows, []string{
			r.program.name, r.pool, us(r.Late), strconv.FormatBool(r.Deaf), us(r.Cut - r.Applied), us(r.Ended - r.Applied), us(r.Began - r.Applied),
			us(r.Both), r.Cause,
		})
	}
	return rows
}
