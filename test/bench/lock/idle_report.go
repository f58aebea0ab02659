package lock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	corelock "github.com/kube-zen/zen-lead/core/lock"
	"github.com/kube-zen/zen-lead/test/bench"
)

// bound is how long after its last renewal a lock may be held: the ttl, the margin, and the time of three raw writes.
func (f *idle) bound() time.Duration { return corelock.Wait(ttl) + 3*f.c }

func (f *idle) report(ctx context.Context, e bench.Effort, out io.Writer) error {
	perSecond := float64(f.requests.Requests) / f.rest.Seconds()
	took := make([]time.Duration, len(f.freed))
	early, late := 0, 0
	for i, l := range f.freed {
		took[i] = l.took
		if l.early {
			early++
		}
		if l.took > f.bound() {
			late++
		}
	}
	rest := [][]string{{"requests of zen-lead at rest", "in all", "a second"}}
	for _, kind := range slices.Sorted(maps.Keys(f.requests.Kinds)) {
		n := f.requests.Kinds[kind]
		rest = append(rest, []string{kind, strconv.Itoa(n), fmt.Sprintf("%.3f", float64(n)/f.rest.Seconds())})
	}
	rest = append(rest, []string{"all", strconv.Itoa(f.requests.Requests), fmt.Sprintf("%.3f", perSecond)})
	seconds := func(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
	quantile := func(q float64) time.Duration { return bench.Quantile(took, q) }
	dead := [][]string{
		{"", "s"},
		{"free, half of them", seconds(quantile(0.5))}, {"free, 99 of 100", seconds(quantile(0.99))}, {"free, the last", seconds(quantile(1))},
		{"bound", seconds(f.bound())}, {"all records emptied, after the kill", seconds(f.emptied)},
	}
	result := bench.NewResult("lock-idle")
	result.Set("locks", f.locks)
	result.Set("requests_per_second", bench.Rounded(perSecond, 3))
	result.Set("freed_p99_over_bound", bench.Rounded(over(quantile(0.99), f.bound()), 4))
	result.Set("freed_early", early)
	result.Set("freed_late", late)
	result.Set("sampled", len(f.freed))
	result.Set("c_ms", bench.Milliseconds(f.c))
	result.Set("bound_s", bench.Rounded(f.bound().Seconds(), 3))
	result.Set("freed_p50_s", bench.Rounded(quantile(0.5).Seconds(), 3))
	result.Set("freed_p99_s", bench.Rounded(quantile(0.99).Seconds(), 3))
	result.Set("freed_max_s", bench.Rounded(quantile(1).Seconds(), 3))
	result.Set("emptied_s", bench.Rounded(f.emptied.Seconds(), 2))
	result.Set("rest_s", f.rest.Seconds())
	result.Set("writes_per_second", bench.Rounded(float64(f.requests.Writes)/f.rest.Seconds(), 3))
	result.Set("cpu_cores_idle", bench.Rounded(f.cores, 3))
	errs := []error{
		bench.Table(out, fmt.Sprintf("Idle: %d held locks, renewed by one client, for %s", f.locks, f.rest), rest),
		bench.Table(out, fmt.Sprintf("Idle: the holder is killed; %d of its locks are tried until free, since their last renewal", len(f.freed)), dead),
		result.Print(out),
		bench.KeepAs(ctx, e, "lock-idle", result, f.samples()),
	}
	if early > 0 {
		errs = append(errs, fmt.Errorf("lock-idle: %d locks were free too early", early))
	}
	return errors.Join(errs...)
}

func (f *idle) samples() [][]string {
	rows := [][]string{{"lock", "freed_us", "early"}}
	for _, l := range f.freed {
		rows = append(rows, []string{held(l.lock), us(l.took), strconv.FormatBool(l.early)})
	}
	return rows
}
