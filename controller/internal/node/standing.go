// Package node says what the state of a node means for the members that run on it.
//
// It is pure, and the only place that knows cordons, taints and conditions of nodes.
package node

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Standing is what a node means for its members. A larger one is worse, and counts where two are true.
type Standing int

const (
	// Sound: nothing speaks against it. The zero value, and that of a pod without node.
	Sound Standing = iota
	// Leaving: it runs, and is about to be emptied: cordoned, drained, chosen by an autoscaler, being deleted.
	Leaving
	// Silent: its kubelet has stopped to renew its Lease; nobody else has noticed yet.
	Silent
	// Unreachable: the node controller has not heard of it for its grace period.
	Unreachable
	// Gone: there is no such node.
	Gone
	// OutOfService: somebody vouches that it is dead.
	OutOfService
)

// Taints of nodes that are about to be emptied, other than Kubernetes' own.
const (
	taintAutoscaler = "ToBeDeletedByClusterAutoscaler"
	taintKarpenter  = "karpenter.sh/disrupted"
)

var leaving = []string{corev1.TaintNodeUnschedulable, taintAutoscaler, taintKarpenter}

// StandingOf reads a node; nil is one that is gone.
func StandingOf(n *corev1.Node) Standing {
	switch {
	case n == nil:
		return Gone
	case tainted(n, corev1.TaintNodeOutOfService):
		return OutOfService
	case ready(n) == corev1.ConditionUnknown || tainted(n, corev1.TaintNodeUnreachable):
		return Unreachable
	case n.DeletionTimestamp != nil || n.Spec.Unschedulable || tainted(n, leaving...):
		return Leaving
	default:
		return Sound
	}
}

// Lost says whether the node may not run any more, or be cut off.
func (s Standing) Lost() bool { return s >= Silent }

// Uncertain says whether the node may be well in spite of it, as far as this process can see by itself.
func (s Standing) Uncertain() bool { return s == Silent || s == Gone }

// Worse says whether members should rather lead on a node of standing t: one that is sound comes before one that is
// about to be emptied, and that before one that is lost. Of two that are lost neither is worse.
func (s Standing) Worse(t Standing) bool { return s.rank() > t.rank() }

func (s Standing) rank() int { return min(int(s), int(Silent)) }

// Reduced keeps of a node what standings and preferences look at, a small part of it.
func Reduced(n *corev1.Node) *corev1.Node {
	kept := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: n.Name, UID: n.UID, ResourceVersion: n.ResourceVersion, Labels: n.Labels, DeletionTimestamp: n.DeletionTimestamp,
		},
		Spec: corev1.NodeSpec{Unschedulable: n.Spec.Unschedulable},
	}
	for _, t := range n.Spec.Taints {
		if t.Key == corev1.TaintNodeOutOfService || t.Key == corev1.TaintNodeUnreachable || slices.Contains(leaving, t.Key) {
			kept.Spec.Taints = append(kept.Spec.Taints, corev1.Taint{Key: t.Key})
		}
	}
	if status := ready(n); status != "" {
		kept.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: status}}
	}
	return kept
}

func tainted(n *corev1.Node, keys ...string) bool {
	return slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return slices.Contains(keys, t.Key) })
}

// ready returns the status of the node's condition Ready, "" where nobody has written it yet.
func ready(n *corev1.Node) corev1.ConditionStatus {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status
		}
	}
	return ""
}
