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
	// either: what happens is not about the leader, who may lose the lead by it or not.
	either bool
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

const (
	// mostLate bounds for how long a route may lead to an old leader: kube-proxy writes its rules once a second at most.
	mostLate = 3 * time.Second
	// mostGap bounds the silence where nothing happens to the leader. It is far longer than a busy machine keeps a client waiting.
	mostGap = 2 * time.Second
)

// beyondBounds names what neither load nor Kubernetes' own delays explain.
func (o outcome) beyondBounds() []string {
	var beyond []string
	if o.verdict.Late > mostLate {
		beyond = append(beyond, fmt.Sprintf("%s: the old leader was asked for another %s", o.name, o.verdict.Late))
	}
	if o.stays && o.terms > 0 {
		beyond = append(beyond, fmt.Sprintf("%s: the leader stays, and %d terms began", o.name, o.terms))
	}
	if o.stays && o.verdict.Gap > mostGap {
		beyond = append(beyond, fmt.Sprintf("%s: nothing happened to the leader, and nobody answered for %s", o.name, o.verdict.Gap))
	}
	return beyond
}

func (o outcome) checkLeader() error {
	moved := o.before.UID != o.after.UID
	if moved == o.stays && !o.either {
		return fmt.Errorf("%s led before and %s leads now (%s)", o.before.Name, o.after.Name, o.evidence)
	}
	return nil
}
