package plugin

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

func newLock(a *access) *cobra.Command {
	c := &cobra.Command{
		Use:   "lock",
		Short: "See who holds locks and why, and take one from its holder",
		Long: `See who holds locks and why, and take one from its holder.

A lock is a ManualLock, which programs hold through zen-lead. These commands read ManualLocks and the Leases of zen-lead's
replicas, and write one annotation on ManualLocks;
zen-lead does the rest.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newLockList(a), newLockShow(a), newLockWhy(a), newLockRelease(a))
	return c
}

// manualLock reads a lock.
func manualLock(ctx context.Context, c client.Reader, namespace, name string) (*v1alpha1.ManualLock, error) {
	l := &v1alpha1.ManualLock{}
	if err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, l); err != nil {
		return nil, lockAdvice(err, namespace, name)
	}
	return l, nil
}

// lockAdvice says what to do about an error where that is known.
func lockAdvice(err error, namespace, name string) error {
	switch {
	case meta.IsNoMatchError(err):
		return fmt.Errorf("this cluster does not know ManualLocks: install zen-lead (kubectl apply -k controller/config), or choose another cluster with --context: %w", err)
	case apierrors.IsNotFound(err):
		return fmt.Errorf("there is no lock %q in namespace %s: kubectl zenlead lock list -A lists all locks", name, namespace)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("you may not do that; ask for the right: %w", err)
	}
	return err
}

// completeLocks offers the locks of the namespace.
func (a *access) completeLocks(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	cluster, namespace, err := a.connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var list v1alpha1.ManualLockList
	if err := cluster.List(c.Context(), &list, client.InNamespace(namespace)); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, l := range list.Items {
		names = append(names, l.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// encode writes a report for programs: as json or yaml.
func encode(out io.Writer, format string, report any) error {
	if format == "json" {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(report)
	}
	text, err := yaml.Marshal(report)
	if err != nil {
		return fmt.Errorf("yaml: %w", err)
	}
	_, err = out.Write(text)
	return err
}

// plain is what somebody else wrote, without what would do something to the reader's terminal.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// called is what people call a holder or waiter.
func called(owner, account, request string) string { return plain(cmp.Or(owner, account, request)) }
