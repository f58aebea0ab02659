package plugin

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

func newLockShow(a *access) *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Show what is written down of a lock",
		Example: `  kubectl zenlead lock show nightly-report
  kubectl zenlead lock show nightly-report -o yaml`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeLocks,
		RunE: func(c *cobra.Command, args []string) error {
			cluster, namespace, err := a.connect()
			if err != nil {
				return err
			}
			report, err := gatherLocks(c.Context(), cluster, namespace, args[0])
			if err != nil {
				return err
			}
			switch output {
			case "":
				return showLock(c.OutOrStdout(), &report.Locks[0], time.Now())
			case "json", "yaml":
				return encode(c.OutOrStdout(), output, report)
			default:
				return fmt.Errorf("--output: %q is neither json nor yaml", output)
			}
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "", "json or yaml; without it lines. Set it for programs")
	return c
}

// showLock prints a lock, in lines of a name and a value.
func showLock(out io.Writer, l *Lock, now time.Time) error {
	w := printers.GetNewTabWriter(out)
	line := func(name, value string) { fmt.Fprintf(w, "%s:\t%s\n", name, cmp.Or(value, "-")) }
	line("Name", l.Name)
	line("Namespace", l.Namespace)
	line("Description", plain(l.Description))
	line("Bounds", bounds(l))
	line("Token", number(l.Token))
	line("Holder", l.holder())
	if h := l.Holder; h != nil {
		line("  Account", plain(h.Account))
		line("  Request", plain(h.RequestID))
		line("  Token", number(h.Token))
		line("  Since", sinceMicro(h.Since, now))
		line("  TTL", fmt.Sprintf("%ds", h.TTLSeconds))
		line("  Home", plain(h.Home))
		if by := l.forced(); by != "" {
			line("  Taken from it by", by)
		}
	}
	line("Waiting", fmt.Sprint(l.Waiting))
	for i, waiter := range l.Waiters {
		line(fmt.Sprintf("  %d", i+1), describeWaiter(&waiter, now))
	}
	happened := l.last()
	if happened != "" && l.LastTransition.Time != nil {
		happened = sinceMicro(l.LastTransition.Time, now) + " ago: " + happened
	}
	line("Last", happened)
	return w.Flush()
}

// describeWaiter is a waiter in one line.
func describeWaiter(w *v1alpha1.LockWaiter, now time.Time) string {
	parts := []string{called(w.Owner, w.Account, w.RequestID)}
	if w.Since != nil {
		parts = append(parts, "for "+sinceMicro(w.Since, now))
	}
	if w.Owner != "" && w.Account != "" {
		parts = append(parts, "account "+plain(w.Account))
	}
	return strings.Join(append(parts, "request "+plain(w.RequestID)), ", ")
}

// bounds are those of the spec, and the defaults for what it does not say.
func bounds(l *Lock) string {
	least, most, waiters := int32(1), int32(300), int32(1000)
	if b := l.TTLSeconds; b != nil && b.Min != nil {
		least = *b.Min
	}
	if b := l.TTLSeconds; b != nil && b.Max != nil {
		most = *b.Max
	}
	if l.MaxWaiters != nil {
		waiters = *l.MaxWaiters
	}
	return fmt.Sprintf("ttl %d to %d s, at most %d wait", least, most, waiters)
}
