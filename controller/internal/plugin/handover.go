package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/controller/internal/handover"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

func newHandover(a *access) *cobra.Command {
	return &cobra.Command{
		Use:   "handover POOL POD",
		Short: "Move the lead to a pod, once, and wait for the outcome",
		Long: `Move the lead to a pod, once, and wait for the outcome.

It is a planned move: the old leader loses its role before the new one gets it. What cannot be done now is refused.
Where the members contend for the Lease themselves (mode participant), the old leader ends its work first.`,
		Example:           `  kubectl zenlead handover web web-6c9d5b7f4d-m4c7z`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completePoolAndPod,
		RunE: func(c *cobra.Command, args []string) error {
			cluster, namespace, err := a.connect()
			if err != nil {
				return err
			}
			said, err := handOver(c.Context(), cluster, namespace, args[0], args[1])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), said)
			return err
		},
	}
}

// handOver asks for the move and returns what became of it; a refusal is an error.
func handOver(ctx context.Context, c client.Client, namespace, pool, pod string) (string, error) {
	if pod == "" {
		return "", fmt.Errorf("POD is empty: kubectl zenlead status %s lists the members", pool)
	}
	o, err := handover.Ask(ctx, c, types.NamespacedName{Namespace: namespace, Name: pool}, pod)
	if errors.Is(err, handover.ErrReplaced) {
		return "", fmt.Errorf("%w: kubectl zenlead status %s", err, pool)
	}
	return o.Message, advice(err, namespace, pool)
}

// patch merges a change into a policy.
func patch(ctx context.Context, c client.Client, namespace, pool string, change map[string]any) error {
	body, err := json.Marshal(change)
	if err != nil {
		return fmt.Errorf("patch: %w", err)
	}
	p := &v1alpha1.LeaderPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: pool}}
	return advice(c.Patch(ctx, p, client.RawPatch(types.MergePatchType, body)), namespace, pool)
}
