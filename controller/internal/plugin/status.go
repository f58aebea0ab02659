package plugin

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

type status struct {
	access *access
	output string
	all    bool
	watch  bool
}

func newStatus(a *access) *cobra.Command {
	s := &status{access: a}
	c := &cobra.Command{
		Use:   "status [POOL]",
		Short: "Show pools with their members: who leads, in which term, since when, and why",
		Example: `  kubectl zenlead status            # the pools of this namespace
  kubectl zenlead status web -w     # one pool, again with each change
  kubectl zenlead status -A -o json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completePools,
		RunE:              s.run,
	}
	c.Flags().StringVarP(&s.output, "output", "o", "", "wide, json or yaml; without it a tree. Set it for IP addresses, or for programs")
	c.Flags().BoolVarP(&s.all, "all-namespaces", "A", false, "show the pools of all namespaces")
	c.Flags().BoolVarP(&s.watch, "watch", "w", false, "show it again with each change, until interrupted")
	return c
}

func (s *status) run(c *cobra.Command, args []string) error {
	pool := ""
	if len(args) == 1 {
		pool = args[0]
	}
	if s.all && pool != "" {
		return fmt.Errorf("--all-namespaces and pool %s: name one of them", pool)
	}
	cluster, namespace, err := s.access.connect()
	if err != nil {
		return err
	}
	if s.all {
		namespace = ""
	}
	show := func(ctx context.Context) error { return s.show(ctx, c.OutOrStdout(), cluster, namespace, pool) }
	if !s.watch {
		return show(c.Context())
	}
	return follow(c.Context(), cluster, namespace, show)
}

func (s *status) show(ctx context.Context, out io.Writer, c client.Reader, namespace, pool string) error {
	report, err := gather(ctx, c, namespace, pool)
	if err != nil {
		return err
	}
	switch s.output {
	case "", "wide":
		if len(report.Pools) == 0 {
			_, err := fmt.Fprintln(out, "There is no pool here: kubectl zenlead status -A looks everywhere, kubectl apply -f policy.yaml makes one.")
			return err
		}
		return tree(out, report, s.output == "wide", s.all, time.Now())
	case "json", "yaml":
		return encode(out, s.output, report)
	default:
		return fmt.Errorf("--output: %q is none of wide, json and yaml", s.output)
	}
}
