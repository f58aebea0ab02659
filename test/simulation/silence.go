package simulation

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/kube-zen/zen-lead/test/simulation/api"
)

// heartbeats are what a process knows of the nodes' Leases: at once what is so, as their watch is not simulated.
type heartbeats struct{ world *world }

func (h heartbeats) Silent(node string) bool { return h.world.isSilent(node) }

func (h heartbeats) StillSilent(_ context.Context, node string) (bool, error) {
	return h.world.isSilent(node), nil
}

func (w *world) isSilent(node string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.silent[node]
}

// silence has a node stop to renew its Lease, or begin again.
func (w *world) silence() bool {
	name := nodeName(w.dice.intN(nodeCount))
	w.mu.Lock()
	w.silent[name] = !w.silent[name]
	processes := w.processes
	w.mu.Unlock()
	for _, p := range processes {
		if p != nil {
			go p.streams[api.Node].handler.Generic(context.Background(), event.GenericEvent{Object: &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}}, p.queue)
		}
	}
	return true
}
