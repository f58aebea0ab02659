// Package handover asks for a planned move of the lead, and waits for the outcome.
package handover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

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

// lookEvery is how often it is looked for the answer.
const lookEvery = 50 * time.Millisecond

// ErrReplaced is returned where somebody else took the request off, or asked for another move.
var ErrReplaced = errors.New("the request was replaced or taken off by somebody else")

// ErrOutcomeUnknown is returned where the request was written, and what became of it is not known.
var ErrOutcomeUnknown = errors.New("the lead may have moved")

// NoAnswerError is returned where no controller answers. The request stays.
type NoAnswerError struct {
	After time.Duration
}

func (e *NoAnswerError) Error() string {
	return fmt.Sprintf("no answer within %s; the request stays: is a controller running? kubectl get leases -n zen-lead-system", e.After)
}

// RefusedError is returned where the move cannot be made now.
type RefusedError struct {
	// Message names the pod and says why.
	Message string
}

func (e *RefusedError) Error() string { return e.Message }

// Outcome is what became of a move that was made.
type Outcome struct {
	// Message names the pod and the term, for people.
	Message string
	Term    int64
}

// Ask asks for a move of the lead to a pod, and returns what became of it. c may read from a cache.
func Ask(ctx context.Context, c client.Client, pool types.NamespacedName, pod string) (Outcome, error) {
	p := &v1alpha1.LeaderPolicy{}
	if err := c.Get(ctx, pool, p); err != nil {
		return Outcome{}, fmt.Errorf("read policy: %w", err)
	}
	within := patience(p)
	asked, err := request(ctx, c, pool, pod)
	if err != nil {
		return Outcome{}, err
	}
	answered := func(ctx context.Context) (bool, error) {
		if err := c.Get(ctx, pool, p); err != nil {
			return false, fmt.Errorf("read the answer: %w", err)
		}
		known, err := kube.Version(p.ResourceVersion)
		return err == nil && known > asked && p.Annotations[v1alpha1.HandoverAnnotation] != pod, err
	}
	switch err := wait.PollUntilContextTimeout(ctx, lookEvery, within, true, answered); {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return Outcome{}, &NoAnswerError{After: within}
	case err != nil:
		return Outcome{}, fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	return outcome(p, pod)
}

// request writes the request on the policy, and returns the version that bears it.
func request(ctx context.Context, c client.Client, pool types.NamespacedName, pod string) (int64, error) {
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.HandoverAnnotation: pod}}})
	if err != nil {
		return 0, fmt.Errorf("request: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	p := &v1alpha1.LeaderPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: pool.Namespace, Name: pool.Name}}
	if err := c.Patch(ctx, p, client.RawPatch(types.MergePatchType, body)); err != nil {
		return 0, fmt.Errorf("ask for the move: %w", err)
	}
	version, err := kube.Version(p.ResourceVersion)
	if err != nil {
		return 0, fmt.Errorf("policy %s: %w", pool, err)
	}
	return version, nil
}

// outcome reads the answer, which the controller wrote before it took the request off.
func outcome(p *v1alpha1.LeaderPolicy, pod string) (Outcome, error) {
	c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionHandover)
	switch {
	case c == nil || !strings.HasPrefix(c.Message, pod+": "):
		return Outcome{}, ErrReplaced
	case c.Status != metav1.ConditionTrue:
		return Outcome{}, &RefusedError{Message: c.Message}
	}
	term, err := strconv.ParseInt(c.Message[strings.LastIndex(c.Message, " ")+1:], 10, 64)
	if h := p.Status.CurrentHolder; err != nil || term != p.Status.Term || h == nil || h.Name != pod {
		return Outcome{}, ErrReplaced // that is the answer to another request, of before or after
	}
	return Outcome{Message: c.Message, Term: term}, nil
}

// patience is how long an answer may take for a policy. Where members contend, the present leader has its work to end first; the
// controller gives up after twice the duration of its Lease.
func patience(p *v1alpha1.LeaderPolicy) time.Duration {
	d, err := kube.Durations(p)
	if p.Spec.Mode != v1alpha1.ModeParticipant || err != nil {
		return answerWithin
	}
	return answerWithin + 2*d.Lease
}
