package demo

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"
)

// result is one step that held.
type result struct {
	what, from, to string
	// took is from the fault to the Service's naming the successor.
	took time.Duration
	// writes is nil where the API server keeps no audit log for us.
	writes *writes
}

func writeTable(out io.Writer, results []result) error {
	t := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	const row = "%s\t%s\t%s\t%5s\t%10s\n" // numbers stand to the right
	fmt.Fprintf(t, row, "WHAT", "FROM", "TO", "MS", "API WRITES")
	for _, r := range results {
		count := "-"
		if r.writes != nil {
			count = strconv.Itoa(r.writes.total())
		}
		fmt.Fprintf(t, row, r.what, r.from, r.to, millis(r.took), count)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if slices.ContainsFunc(results, func(r result) bool { return r.writes == nil }) {
		fmt.Fprintln(out, "\nAPI writes are counted in the API server's audit log, which the demo cannot read here.")
	}
	return nil
}

// millis rounds as a table should: never to nothing.
func millis(d time.Duration) string {
	if d < time.Millisecond {
		return "<1"
	}
	return strconv.FormatInt(d.Round(time.Millisecond).Milliseconds(), 10)
}
