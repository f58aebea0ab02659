// Package command is the command line of the binary zen-lead.
package command

import (
	"fmt"

	"github.com/spf13/cobra"
)

// New returns the command zen-lead. version is what "zen-lead version" prints and the controller calls itself.
func New(version string) *cobra.Command {
	root := &cobra.Command{
		Use:           "zen-lead",
		Short:         "Exactly one active copy of something, on Kubernetes",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newController(version), newRun(), newLock(), newAgent(), newVersion(version))
	return root
}

func newVersion(version string) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), version)
			return err
		},
	}
}
