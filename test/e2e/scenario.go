package e2e

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// scenario is one thing that happens to a cluster.
type scenario struct {
	name string
	// short: also part of the short run.
	short bool
	// stays: the leader keeps the lead. Otherwise it must lose it.
	stays bool
	// node: it happens to the leader's node, which must not be the one that the client runs on.
	node bool
	// happen makes it happen to the leader, or to what the leader stands on, and repairs what the cluster does not repair by itself. It returns what
	// proves that it happened.
	happen func(context.Context, *world, corev1.Pod) (evidence string, err error)
}

// outcome is what came of a scenario.
type outcome struct {
	scenario
	evidence      string
	before, after corev1.Pod
	from, to      time.Time
	verdict       Verdict
	terms         int
}

// play returns when the pool is quiet again.
func (w *world) play(ctx context.Context, s scenario) (outcome, error) {
	o := outcome{scenario: s}
	var err error
	if err = w.settle(ctx); err != nil {
		return o, fmt.Errorf("before: %w", err)
	}
	find := w.leader
	if s.node {
		find = w.leadElsewhere
	}
	if o.before, err = find(ctx); err != nil {
		return o, fmt.Errorf("before: %w", err)
	}
	o.from = time.Now()
	if o.evidence, err = s.happen(ctx, w, o.before); err != nil {
		return o, err
	}
	if err = w.settle(ctx); err != nil {
		return o, fmt.Errorf("after %s: %w", o.evidence, err)
	}
	o.to = time.Now()
	if o.after, err = w.leader(ctx); err != nil {
		return o, fmt.Errorf("after: %w", err)
	}
	return o, o.checkLeader()
}

func (o outcome) checkLeader() error {
	moved := o.before.UID != o.after.UID
	if moved == o.stays {
		return fmt.Errorf("%s led before and %s leads now (%s)", o.before.Name, o.after.Name, o.evidence)
	}
	return nil
}
