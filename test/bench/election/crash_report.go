package election

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/kube-zen/zen-lead/core/term"
	"github.com/kube-zen/zen-lead/test/bench"
)

func (f *crashes) report(ctx context.Context, e bench.Effort, out io.Writer) error {
	c := bench.Quantile(f.swaps, 0.5)
	result := bench.NewResult("crash")
	result.Set("c_ms", bench.Milliseconds(c))
	result.Set("members", membersPerPool)
	for _, set := range []struct {
		our, their       program
		prefix, clientGo string
	}{{ours, theirs, "", "client_go_"}, {oursTuned, theirTuned, "tuned_", "client_go_tuned_"}} {
		our, their := f.of("expiry", set.our), f.of("expiry", set.their)
		goal := term.Wait(set.our.durations.Lease) + 3*c
		over := 0
		for _, d := range our {
			if d > goal {
				over++
			}
		}
		result.Set(set.prefix+"duration_s", set.our.durations.Lease.Seconds())
		result.Set(set.prefix+"crashes", len(our))
		result.Set(set.prefix+"expiry_p50_s", inSeconds(bench.Quantile(our, 0.5)))
		result.Set(set.prefix+"expiry_p99_s", inSeconds(bench.Quantile(our, 0.99)))
		result.Set(set.prefix+"expiry_over_bound", over)
		result.Set(set.prefix+"expiry_bound_s", inSeconds(goal))
		result.Set(set.clientGo+"crashes", len(their))
		result.Set(set.clientGo+"p50_s", inSeconds(bench.Quantile(their, 0.5)))
		result.Set(set.clientGo+"p99_s", inSeconds(bench.Quantile(their, 0.99)))
	}
	proofs := f.of("proof", ours)
	if f.unproven == nil {
		result.Set("proofs_of_death", len(proofs))
		result.Set("proof_of_death_ms_p50", bench.Milliseconds(bench.Quantile(proofs, 0.5)))
		result.Set("proof_of_death_ms_p99", bench.Milliseconds(bench.Quantile(proofs, 0.99)))
	}
	rows := [][]string{{"s", "n", "min", "p50", "p90", "p99", "max"}}
	row := func(name string, samples []time.Duration) {
		cells := []string{name, strconv.Itoa(len(samples))}
		for _, q := range []float64{0, 0.5, 0.9, 0.99, 1} {
			cells = append(cells, fmt.Sprintf("%.3f", bench.Quantile(samples, q).Seconds()))
		}
		rows = append(rows, cells)
	}
	for _, p := range programs {
		row(p.name+": the Lease expires", f.of("expiry", p))
	}
	if f.unproven == nil {
		row("zen-lead: the leader's container starts again", proofs)
	} else {
		rows = append(rows, []string{"zen-lead: the leader's container starts again", "not measured: " + f.unproven.Error()})
	}
	return errors.Join(
		bench.Table(out, "Crash: from SIGKILL of the leader until another process works", rows),
		result.Print(out),
		bench.Keep(ctx, e, "election", result, f.samples()),
	)
}

func inSeconds(d time.Duration) float64 { return bench.Rounded(d.Seconds(), 3) }

func (f *crashes) of(how string, p program) (found []time.Duration) {
	for _, one := range f.all {
		if one.how == how && one.program == p {
			found = append(found, one.successor)
		}
	}
	return found
}

func (f *crashes) samples() [][]string {
	rows := [][]string{{"how", "program", "pool", "us"}}
	for _, one := range f.all {
		rows = append(rows, []string{one.how, one.program.name, one.pool, us(one.successor)})
	}
	for _, took := range f.swaps {
		rows = append(rows, []string{"compare-and-swap", "", "", us(took)})
	}
	return rows
}
