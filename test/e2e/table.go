package e2e

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/kube-zen/zen-lead/test/bench"
)

// printTable prints a line for each scenario.
func printTable(out io.Writer, outcomes []outcome) error {
	rows := [][]string{{"what happened", "answers", "failed", "longest gap", "old leader asked for", "moves", "wrong", "seconds"}}
	for _, o := range outcomes {
		rows = append(rows, []string{
			o.name,
			strconv.Itoa(o.verdict.Answers),
			strconv.Itoa(o.verdict.Failed),
			milliseconds(o.verdict.Gap),
			milliseconds(o.verdict.Late),
			strconv.Itoa(o.terms),
			strconv.Itoa(len(o.verdict.Wrong)),
			fmt.Sprintf("%.0f", o.to.Sub(o.from).Seconds()),
		})
	}
	if err := bench.Table(out, "What a client of web-leader saw that asks every 20 ms", rows); err != nil {
		return err
	}
	for _, o := range outcomes {
		fmt.Fprintf(out, "  %s: %s; %s on %s led, then %s on %s\n", o.name, o.evidence, o.before.Name, o.before.Spec.NodeName, o.after.Name, o.after.Spec.NodeName)
		for _, failure := range o.verdict.Errors {
			fmt.Fprintf(out, "    failed: %s\n", failure)
		}
	}
	_, err := fmt.Fprintln(out)
	return err
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
