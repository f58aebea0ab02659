package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
)

// answerWithin is how long a controller may take to answer a request. It takes milliseconds; 300 ms more where the one
// that the pool prefers has died.
const answerWithin = 10 * time.Second

// patience is how long an answer may take for a policy. Where members contend, the present leader has its work to end first; the
// controller gives up after twice the duration of its Lease.
func patience(p *v1alpha1.LeaderPolicy) time.Duration {
	d, err := kube.Durations(p)
	if p.Spec.Mode != v1alpha1.ModeParticipant || err != nil {
		return answerWithin
	}
	return answerWithin + 2*d.Lease
}

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
	p, err := policy(ctx, c, namespace, pool)
	if err != nil {
		return "", err
	}
	within := patience(p)
	if err := patch(ctx, c, namespace, pool, map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.HandoverAnnotation: pod}}}); err != nil {
		return "", err
	}
	answered := func(ctx context.Context) (_ bool, err error) {
		p, err = policy(ctx, c, namespace, pool)
		return err == nil && p.Annotations[v1alpha1.HandoverAnnotation] != pod, err
	}
	switch err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, within, true, answered); {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return "", fmt.Errorf("no answer within %s; the request stays: is a controller running? kubectl get leases -n zen-lead-system", within)
	case err != nil:
		return "", err
	}
	outcome := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionHandover)
	switch {
	case outcome == nil || !strings.HasPrefix(outcome.Message, pod+": "):
		return "", fmt.Errorf("the request was replaced or taken off by somebody else: kubectl zenlead status %s", pool)
	case outcome.Status != metav1.ConditionTrue:
		return "", errors.New(outcome.Message)
	default:
		return outcome.Message, nil
	}
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
