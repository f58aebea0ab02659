package plugin

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newPause(a *access) *cobra.Command {
	return &cobra.Command{
		Use:   "pause POOL",
		Short: "Let nothing move: whoever leads stays, also when it is not ready",
		Long: `Let nothing move: whoever leads stays, also when it is not ready; if its pod goes nobody leads. It sets spec.paused;
who keeps the policy in git sets it there.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completePools,
		RunE: func(c *cobra.Command, args []string) error {
			return a.setPaused(c, args[0], true, "is paused: nothing moves until kubectl zenlead resume "+args[0])
		},
	}
}

func newResume(a *access) *cobra.Command {
	return &cobra.Command{
		Use:               "resume POOL",
		Short:             "End a pause",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completePools,
		RunE: func(c *cobra.Command, args []string) error {
			return a.setPaused(c, args[0], false, "moves again")
		},
	}
}

func (a *access) setPaused(c *cobra.Command, pool string, paused bool, said string) error {
	cluster, namespace, err := a.connect()
	if err != nil {
		return err
	}
	value := any(nil) // not false: a field that nobody set is not there
	if paused {
		value = true
	}
	if err := patch(c.Context(), cluster, namespace, pool, map[string]any{"spec": map[string]any{"paused": value}}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s %s\n", pool, said)
	return err
}
