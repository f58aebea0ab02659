package mutants

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"
)

func (r result) outcome() string {
	switch {
	case r.err != nil:
		return "ERROR"
	case r.caught:
		return "caught"
	default:
		return "SURVIVED"
	}
}

// report prints the table, what went wrong, and how many were caught.
func report(out io.Writer, results []result) error {
	t := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	const row = "%s\t%s\t%7s\n" // numbers stand to the right
	fmt.Fprintln(out)
	fmt.Fprintf(t, row, "MUTANT", "CAUGHT BY", "SECONDS")
	caught := 0
	for _, r := range results {
		by := r.mutant.Catcher.short()
		if r.caught {
			caught++
		} else {
			by = r.outcome()
		}
		fmt.Fprintf(t, row, r.mutant.Name, by, seconds(r.took))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, r := range results {
		switch {
		case r.err != nil:
			fmt.Fprintf(out, "%s could not be tried: %v\n", r.mutant.Name, r.err)
		case !r.caught:
			fmt.Fprintf(out, "%s survived: %s; %s did not notice (rule: %s)\n", r.mutant.Name, r.mutant.Sentence, r.mutant.Catcher, r.mutant.Rule)
		}
	}
	fmt.Fprintf(out, "%d of %d mutants caught\n", caught, len(results))
	if caught < len(results) {
		return ErrNotAllCaught
	}
	return nil
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) }
