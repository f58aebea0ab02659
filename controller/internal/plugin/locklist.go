package plugin

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/printers"
)

type lockList struct {
	access *access
	output string
	all    bool
}

func newLockList(a *access) *cobra.Command {
	l := &lockList{access: a}
	c := &cobra.Command{
		Use:   "list",
		Short: "Show locks: who holds each, how many wait, and what happened last",
		Example: `  kubectl zenlead lock list
  kubectl zenlead lock list -A -o json`,
		Args: cobra.NoArgs,
		RunE: l.run,
	}
	c.Flags().StringVarP(&l.output, "output", "o", "", "json or yaml; without it a table. Set it for programs")
	c.Flags().BoolVarP(&l.all, "all-namespaces", "A", false, "show the locks of all namespaces")
	return c
}

func (l *lockList) run(c *cobra.Command, _ []string) error {
	cluster, namespace, err := l.access.connect()
	if err != nil {
		return err
	}
	if l.all {
		namespace = ""
	}
	report, err := gatherLocks(c.Context(), cluster, namespace, "")
	if err != nil {
		return err
	}
	switch l.output {
	case "":
		if len(report.Locks) == 0 {
			_, err := fmt.Fprintln(c.OutOrStdout(), "There is no lock here: kubectl zenlead lock list -A looks everywhere, kubectl apply -f lock.yaml makes one.")
			return err
		}
		return lockTable(c.OutOrStdout(), report, l.all, time.Now())
	case "json", "yaml":
		return encode(c.OutOrStdout(), l.output, report)
	default:
		return fmt.Errorf("--output: %q is neither json nor yaml", l.output)
	}
}

// lockTable prints a line for each lock.
func lockTable(out io.Writer, r LockReport, namespaces bool, now time.Time) error {
	w := printers.GetNewTabWriter(out)
	fmt.Fprintln(w, "NAME\tHOLDER\tTOKEN\tWAITING\tSINCE\tWHY")
	for _, l := range r.Locks {
		name, held, why := l.Name, "", l.last()
		if namespaces {
			name = l.Namespace + "/" + l.Name
		}
		if l.Holder != nil {
			held = sinceMicro(l.Holder.Since, now)
		}
		if by := l.forced(); by != "" {
			why = "taken from it by " + by
		}
		cells := []string{name, l.holder(), number(l.Token), number(int64(l.Waiting)), held, why}
		for i := range cells {
			cells[i] = cmp.Or(cells[i], "-")
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}
