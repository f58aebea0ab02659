package election

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kube-zen/zen-lead/test/bench"
	"github.com/kube-zen/zen-lead/test/bench/audit"
)

// stay is what was found about pools at rest.
type stay struct {
	pools      map[program]int
	begin, end time.Time
	asked      []audit.Request
}

// Idle counts what pools ask of the API server while nothing changes.
func Idle(ctx context.Context, e bench.Effort, out, progress io.Writer) error {
	many, few := bench.Pick(e, 3, 20, 20), bench.Pick(e, 1, 5, 5)
	found := stay{pools: map[program]int{ours: many, theirs: many, oursTuned: few, theirTuned: few}}
	length := bench.Pick(e, 30*time.Second, 3*time.Minute, time.Hour)
	err := onRig(ctx, progress, func(ctx context.Context, r *rig) error { return found.measure(ctx, r, length) })
	if err != nil {
		return fmt.Errorf("idle-election: %w", err)
	}
	return found.report(ctx, e, out)
}

func (f *stay) measure(ctx context.Context, r *rig, length time.Duration) error {
	all, err := r.startFleet(ctx, f.pools)
	if err != nil {
		return err
	}
	if err := f.rest(ctx, r, length); err != nil {
		return errors.Join(err, all.kill())
	}
	// Before counting, so that every request is finished, and in the log.
	if err := all.kill(); err != nil {
		return err
	}
	f.asked, err = r.requests(ctx, f.begin, f.end)
	return err
}

// rest lets the time pass, once whoever was slow to start has read what it reads.
func (f *stay) rest(ctx context.Context, r *rig, length time.Duration) error {
	if err := wait(ctx, 10*time.Second); err != nil {
		return err
	}
	const steps = 10
	told := bench.NewProgress(r.progress, fmt.Sprintf("at rest for %s, in tenths", length), steps)
	f.begin = time.Now()
	for i := range steps {
		if err := wait(ctx, length/steps); err != nil {
			return err
		}
		told.Step(i + 1)
	}
	f.end = time.Now()
	return nil
}

// asked is what one program asked for.
type asked struct {
	writes, reads, watches int
	kinds                  map[string]int
}

func (f *stay) of(p program) asked {
	a := asked{kinds: map[string]int{}}
	for i := range f.asked {
		r := &f.asked[i]
		// What concerns no pool by name (a question who one is) counts for the program with the usual durations.
		if !strings.HasPrefix(r.UserAgent, p.agent()) || !p.owns(r.ObjectRef.Name) && (r.ObjectRef.Name != "" || p.short != ours.short && p.short != theirs.short) {
			continue
		}
		a.kinds[r.Kind()]++
		switch {
		case r.IsWrite():
			a.writes++ // also one that failed: at rest there is no reason for it
		case r.Verb == "watch":
			a.watches++
		default:
			a.reads++
		}
	}
	return a
}

func (f *stay) report(ctx context.Context, e bench.Effort, out io.Writer) error {
	minutes := f.end.Sub(f.begin).Minutes()
	per := func(n, of int) float64 { return bench.Rounded(float64(n)/float64(of)/minutes, 3) }
	result := bench.NewResult("idle-election")
	result.Set("pools", f.pools[ours])
	result.Set("members", membersPerPool)
	result.Set("minutes", bench.Rounded(minutes, 2))
	rows := [][]string{{"per minute", "writes per pool", "GETs and lists per standby", "watches begun per standby"}}
	samples := [][]string{{"program", "pools", "minutes", "request", "count"}}
	figures := map[program]asked{}
	for _, p := range programs {
		a, standbys := f.of(p), f.pools[p]*(membersPerPool-1)
		figures[p] = a
		key := map[program]string{ours: "", theirs: "client_go_", oursTuned: "tuned_", theirTuned: "client_go_tuned_"}[p]
		result.Set(key+"writes_per_pool_minute", per(a.writes, f.pools[p]))
		result.Set(key+"gets_per_standby_minute", per(a.reads, standbys))
		rows = append(rows, []string{p.name, fmt.Sprint(per(a.writes, f.pools[p])), fmt.Sprint(per(a.reads, standbys)), fmt.Sprint(per(a.watches, standbys))})
		for kind, n := range a.kinds {
			samples = append(samples, []string{p.name, strconv.Itoa(f.pools[p]), fmt.Sprint(bench.Rounded(minutes, 2)), kind, strconv.Itoa(n)})
		}
	}
	slices.SortFunc(samples[1:], slices.Compare)
	if w := figures[ours].writes; w > 0 {
		result.Set("times_fewer_writes_than_client_go", bench.Rounded(float64(figures[theirs].writes)/float64(w), 2))
	}
	title := fmt.Sprintf("Pools of a leader and %d standbys at rest for %s: %d of each program, %d tuned", membersPerPool-1,
		f.end.Sub(f.begin).Round(time.Second), f.pools[ours], f.pools[oursTuned])
	return errors.Join(
		bench.Table(out, title, rows),
		result.Print(out),
		bench.Keep(ctx, e, "election", result, samples),
	)
}
