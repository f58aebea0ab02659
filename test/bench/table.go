package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Table prints rows under a title: the first column to the left, the others to the right.
func Table(w io.Writer, title string, rows [][]string) error {
	if _, err := fmt.Fprintf(w, "\n%s\n\n", title); err != nil {
		return err
	}
	// The writer aligns all columns to one side, so the first is filled up here.
	width := 0
	for _, r := range rows {
		width = max(width, len(r[0]))
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, r := range rows {
		if _, err := fmt.Fprintf(t, "  %-*s\t%s\t\n", width, r[0], strings.Join(r[1:], "\t")); err != nil {
			return err
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}
