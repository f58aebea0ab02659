package simulation

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/simulation/api"
)

// zones of nodes; each may be one that policies prefer.
var zones = []string{"a", "b", "c"}

// nodeCount is how many nodes there are.
const nodeCount = 3

func nodeName(n int) string { return "node-" + strconv.Itoa(n) }

// createNodes makes the nodes, each in a zone.
func (w *world) createNodes() error {
	for n := range nodeCount {
		if err := w.createNode(nodeName(n), zones[n]); err != nil {
			return fmt.Errorf("node: %w", err)
		}
	}
	return nil
}

func (w *world) createNode(name, zone string) error {
	return w.people.Create(context.Background(), &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelTopologyZone: zone}},
	})
}

// changeNode edits a node that fits.
func (w *world) changeNode(fits func(*corev1.Node) bool, f func(*corev1.Node)) bool {
	var found []*corev1.Node
	all, _ := w.server.All(api.Node)
	for _, o := range all {
		if n := o.(*corev1.Node); fits(n) {
			found = append(found, n)
		}
	}
	if len(found) == 0 {
		return false
	}
	n := pick(w.dice, found).DeepCopy()
	f(n)
	return w.people.Update(context.Background(), n) == nil
}

func anyNode(*corev1.Node) bool      { return true }
func cordoned(n *corev1.Node) bool   { return n.Spec.Unschedulable }
func uncordoned(n *corev1.Node) bool { return !n.Spec.Unschedulable }

// moveNode gives a node another zone.
func (w *world) moveNode() bool {
	return w.changeNode(anyNode, func(n *corev1.Node) { n.Labels[corev1.LabelTopologyZone] = pick(w.dice, zones) })
}

func (w *world) cordonNode() bool {
	return w.changeNode(uncordoned, func(n *corev1.Node) { n.Spec.Unschedulable = true })
}

func (w *world) uncordonNode() bool {
	return w.changeNode(cordoned, func(n *corev1.Node) { n.Spec.Unschedulable = false })
}

// lostFor are taints of nodes that are lost.
var lostFor = []string{corev1.TaintNodeUnreachable, corev1.TaintNodeOutOfService}

// loseNode taints a node, as the node controller or somebody does who knows that it is dead.
func (w *world) loseNode() bool {
	return w.changeNode(anyNode, func(n *corev1.Node) {
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: pick(w.dice, lostFor), Effect: corev1.TaintEffectNoExecute})
	})
}

func (w *world) findNode() bool {
	return w.changeNode(func(n *corev1.Node) bool { return n.Spec.Taints != nil }, func(n *corev1.Node) { n.Spec.Taints = nil })
}

// removeNode deletes the object of a node whose pods run on, or makes one again.
func (w *world) removeNode() bool {
	name := nodeName(w.dice.intN(nodeCount))
	if n := w.server.Read(api.Node, client.ObjectKey{Name: name}); n != nil {
		return w.deleteOne(n)
	}
	return w.createNode(name, pick(w.dice, zones)) == nil
}

// fit of a node to lead on, worked out apart from the product: the smaller the better.
func (w *world) fit(pod *corev1.Pod) int {
	n, _ := w.server.Read(api.Node, client.ObjectKey{Name: pod.Spec.NodeName}).(*corev1.Node)
	switch {
	case n == nil, n.Spec.Taints != nil, w.isSilent(n.Name):
		return 2
	case n.Spec.Unschedulable:
		return 1
	}
	return 0
}

// held says whether a pool holds its leader, nil for none, as its node is not reachable.
func (w *world) held(pool string, leader *corev1.Pod) bool {
	p, _ := w.server.Read(api.Policy, client.ObjectKey{Namespace: namespace, Name: pool}).(*v1alpha1.LeaderPolicy)
	if leader == nil || p == nil || p.Spec.Failover == nil || p.Spec.Failover.UnreachableNode != v1alpha1.UnreachableNodeHold {
		return false
	}
	n, _ := w.server.Read(api.Node, client.ObjectKey{Name: leader.Spec.NodeName}).(*corev1.Node)
	unreachable := n == nil || (n.Spec.Taints != nil || w.isSilent(n.Name)) && !slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == corev1.TaintNodeOutOfService })
	return unreachable && lives(leader) && !excluded(leader)
}

// onBestNodes leaves those of the pods that are on the best nodes.
func (w *world) onBestNodes(pods []*corev1.Pod) []*corev1.Pod {
	best := 2
	for _, p := range pods {
		best = min(best, w.fit(p))
	}
	return slices.DeleteFunc(slices.Clone(pods), func(p *corev1.Pod) bool { return w.fit(p) > best })
}
