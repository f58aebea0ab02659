package plugin

import (
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func newLockRelease(a *access) *cobra.Command {
	f := &forcing{}
	force := false
	c := &cobra.Command{
		Use:   "release --force NAME --reason REASON",
		Short: "Take a lock from its holder, and wait until it is free",
		Long: `Take a lock from its holder, and wait until it is free.

The holder hears of it with its next renewal. The lock is free when it has released it, or its ttl has passed. It takes the rights to get,
watch, patch and force-release the ManualLock, which ClusterRole zen-lead-lock-operator has.`,
		Example:           `  kubectl zenlead lock release --force nightly-report --reason "its node is gone"`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeLocks,
		RunE: func(c *cobra.Command, args []string) error {
			if !force {
				return fmt.Errorf("a lock is released by its holder; to take it from that: kubectl zenlead lock release --force %s --reason \"...\"", args[0])
			}
			if n := utf8.RuneCountInString(f.reason); n == 0 || n > maxReason {
				return fmt.Errorf("--reason: want 1 to %d characters that say why, got %d", maxReason, n)
			}
			cluster, namespace, err := a.connect()
			if err != nil {
				return err
			}
			f.cluster, f.key, f.progress = cluster, client.ObjectKey{Namespace: namespace, Name: args[0]}, c.ErrOrStderr()
			said, err := f.run(c.Context())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), said)
			return err
		},
	}
	c.Flags().BoolVar(&force, "force", false, "take it from its holder; nothing is done without it")
	c.Flags().StringVar(&f.reason, "reason", "", "why, for the holder and for people: it is recorded with your name")
	c.Flags().BoolVar(&f.now, "now", false,
		"do not wait until the holder must have stopped. Set it where you know that it does not work any more: otherwise two may work at once, and only the token tells them apart")
	return c
}

// maxReason is how many characters the record takes.
const maxReason = 256

// forcing is one order to take a lock from its holder.
type forcing struct {
	cluster client.WithWatch
	key     client.ObjectKey
	reason  string
	now     bool
	// version is that of the lock with the order: a watch may begin with an older one.
	version int64
	// progress is told what is waited for.
	progress io.Writer
}
