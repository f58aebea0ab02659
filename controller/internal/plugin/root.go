package plugin

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
)

// New returns the whole command line.
func New(version string) *cobra.Command {
	a := &access{flags: genericclioptions.NewConfigFlags(true)}
	c := &cobra.Command{
		Use:   "kubectl zenlead",
		Short: "See who leads a pool and who holds a lock, why, and change it",
		Long: `See who leads a pool and who holds a lock, why, and change it.

A pool is the pods whose annotation zen-lead/pool names one LeaderPolicy; a lock is a ManualLock. These commands read policies, pods,
nodes, locks and the Leases of replicas, and write on policies and locks; zen-lead does the rest.`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl zenlead"},
	}
	if strings.HasPrefix(filepath.Base(os.Args[0]), "kubectl_complete") {
		c.SetArgs(append([]string{cobra.ShellCompRequestCmd}, os.Args[1:]...)) // as kubectl calls who completes for a plugin
	}
	a.flags.AddFlags(c.PersistentFlags())
	c.AddCommand(newStatus(a), newHandover(a), newPause(a), newResume(a), newLock(a))
	return c
}
