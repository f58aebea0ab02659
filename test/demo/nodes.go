package demo

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Nodes are the demo's own: no kubelet runs on them, so what happens to one is written in the place of who would notice it.

// unreachable is the taint by which the node controller says that it has not heard of a kubelet for 50 s.
const unreachable = corev1.TaintNodeUnreachable

// loseNode taints the leader's node. The node controller, which hears of it, takes the taint off within seconds.
func (d *demo) loseNode(ctx context.Context, pod *corev1.Pod) error {
	return d.kubectl(ctx, "taint", "node", pod.Spec.NodeName, unreachable+":NoExecute")
}

// nodeLost is the first event that says that a pod's node is not heard of.
func nodeLost(pod *corev1.Pod) fault {
	return func(e event) bool {
		n, ok := e.object.(*corev1.Node)
		return ok && n.Name == pod.Spec.NodeName && slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == unreachable })
	}
}

// drain empties the leader's node: kubectl cordons it, and evicts the pods.
func (d *demo) drain(ctx context.Context, pod *corev1.Pod) error {
	return d.kubectl(ctx, "drain", pod.Spec.NodeName)
}

// nodeCordoned is the first event that says that a pod's node takes no more pods.
func nodeCordoned(pod *corev1.Pod) fault {
	return func(e event) bool {
		n, ok := e.object.(*corev1.Node)
		return ok && n.Name == pod.Spec.NodeName && n.Spec.Unschedulable
	}
}
