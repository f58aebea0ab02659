package e2e

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-zen/zen-lead/core/term"
	"github.com/kube-zen/zen-lead/test/bench"
	"github.com/kube-zen/zen-lead/test/election"
)

// printCrashes prints how long nobody worked, and the line of figures.
func printCrashes(out io.Writer, all []crash) error {
	if len(all) == 0 {
		return nil
	}
	rows := [][]string{{"s", "n", "min", "p50", "p90", "max", "same pod"}}
	result := bench.NewResult("crash-nodes")
	result.Set("duration_s", term.DefaultDurations.Lease.Seconds())
	for _, kind := range crashKinds {
		var works, ended, failed []time.Duration
		same := 0
		for _, one := range all {
			if one.kind != kind {
				continue
			}
			works = append(works, one.worked-one.killed)
			ended = append(ended, one.ended-one.killed)
			failed = append(failed, one.worked-one.failed)
			if one.same {
				same++
			}
		}
		name, prefix := "zen-lead", ""
		if kind.elector == election.ClientGo {
			name, prefix = "client-go", "client_go_"
		}
		name = fmt.Sprintf("%s, restartPolicy %s", name, kind.restart)
		prefix += strings.ToLower(string(kind.restart)) + "_"
		rows = append(rows, crashRow(name+": from SIGKILL", works, strconv.Itoa(same)))
		result.Set(prefix+"crashes", len(works))
		result.Set(prefix+"p50_s", bench.Rounded(bench.Quantile(works, 0.5).Seconds(), 3))
		result.Set(prefix+"p99_s", bench.Rounded(bench.Quantile(works, 0.99).Seconds(), 3))
		if kind.elector == election.Lead && kind.restart == corev1.RestartPolicyNever {
			rows = append(rows, crashRow("  until the kubelet reports the end of the container", ended, ""), crashRow("  from its report that the pod has failed", failed, ""))
			result.Set("proof_of_death_ms_p50", bench.Milliseconds(bench.Quantile(failed, 0.5)))
			result.Set("proof_of_death_ms_p99", bench.Milliseconds(bench.Quantile(failed, 0.99)))
			result.Set("report_p50_s", bench.Rounded(bench.Quantile(ended, 0.5).Seconds(), 3))
		}
	}
	return errors.Join(
		bench.Table(out, "Crash on real nodes: until the next one works", rows),
		result.Print(out),
	)
}

func crashRow(name string, samples []time.Duration, same string) []string {
	cells := []string{name, strconv.Itoa(len(samples))}
	for _, q := range []float64{0, 0.5, 0.9, 1} {
		cells = append(cells, fmt.Sprintf("%.3f", bench.Quantile(samples, q).Seconds()))
	}
	return append(cells, same)
}
