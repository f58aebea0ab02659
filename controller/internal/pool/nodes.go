package pool

import (
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/kube-zen/zen-lead/controller/internal/node"
)

// StripNode keeps of a node what an election looks at. The rest of it is large and changes all the time.
func StripNode(o any) (any, error) {
	n, ok := o.(*corev1.Node)
	if !ok {
		return o, nil
	}
	return node.Reduced(n), nil
}

// observeNode puts into a member what its node says, as the cache has it, or live. Nothing speaks against a node that this
// process may not look at, or that the pod does not have yet.
func (r *Reconciler) observeNode(ctx context.Context, m *Member, live bool) error {
	if m.Node == "" || r.NoNodes {
		return nil
	}
	nodes := client.Reader(r.Client)
	if live {
		nodes = r.Live
	}
	n, found, err := get(ctx, nodes, types.NamespacedName{Name: m.Node}, &corev1.Node{})
	if err != nil {
		return fmt.Errorf("node of pod %s: %w", m.Name, err)
	}
	if !found {
		m.NodeLabels, m.Standing = nil, node.StandingOf(nil)
		return nil
	}
	m.NodeLabels, m.Standing = n.Labels, node.StandingOf(n)
	if r.Heartbeats == nil || m.Standing.Lost() {
		return nil
	}
	silent := r.Heartbeats.Silent(m.Node)
	if live {
		silent, err = r.Heartbeats.StillSilent(ctx, m.Node)
	}
	if silent {
		m.Standing = node.Silent
	}
	return err
}

// nodeChanged passes over what no election looks at: a kubelet writes its node's status every few minutes.
var nodeChanged = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	before, ok := e.ObjectOld.(*corev1.Node)
	after, ok2 := e.ObjectNew.(*corev1.Node)
	if !ok || !ok2 {
		return true
	}
	return !maps.Equal(before.Labels, after.Labels) || node.StandingOf(before) != node.StandingOf(after) ||
		node.Off(before) != node.Off(after)
}}

// enqueueNode puts the pools of a node's members into the queue, those whose leader is there before all others.
func (r *Reconciler) enqueueNode() handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) {
			if !e.IsInInitialList { // its pods come too, and are more urgent
				r.enqueuePodsOf(ctx, e.Object.GetName(), q)
			}
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			r.enqueuePodsOf(ctx, e.ObjectNew.GetName(), q)
		},
		DeleteFunc:  func(ctx context.Context, e event.DeleteEvent, q queue) { r.enqueuePodsOf(ctx, e.Object.GetName(), q) },
		GenericFunc: func(ctx context.Context, e event.GenericEvent, q queue) { r.enqueuePodsOf(ctx, e.Object.GetName(), q) },
	}
}

func (r *Reconciler) enqueuePodsOf(ctx context.Context, node string, q queue) {
	var pods corev1.PodList
	if err := r.Client.List(ctx, &pods, client.MatchingFields{indexNode: node}, client.UnsafeDisableDeepCopy); err != nil {
		return // the cache has ended
	}
	for i := range pods.Items {
		priority := normal
		if isLeader(&pods.Items[i]) {
			priority = urgent
		}
		enqueue(q, priority, &pods.Items[i])
	}
	for _, pool := range r.places.on(node) { // the pod of its holder may be gone
		add(q, urgent, reconcile.Request{NamespacedName: pool})
	}
}
