package demo

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// gate is the readiness gate of the demo's pods: a condition that the demo answers for. A kubelet makes a pod unready
// while it is not true, so a pod can be made unready by hand on real kubelets, which would overwrite the condition Ready.
const gate corev1.PodConditionType = "zen-lead-demo/serving"

// conditionPatch sets the gate. A kubelet derives Ready from it. kwok does not follow gates once a pod runs, so on its
// nodes the patch says Ready too, in the kubelet's place.
func conditionPatch(status corev1.ConditionStatus, fake bool) string {
	conditions := fmt.Sprintf(`{"type":%q,"status":%q}`, gate, status)
	if fake {
		conditions += fmt.Sprintf(`,{"type":%q,"status":%q}`, corev1.PodReady, status)
	}
	return fmt.Sprintf(`{"status":{"conditions":[%s]}}`, conditions)
}

// isFake says whether kwok stands for the kubelet of the pod.
func isFake(ctx context.Context, c client.Client, pod *corev1.Pod) (bool, error) {
	node := &corev1.Node{}
	if err := c.Get(ctx, types.NamespacedName{Name: pod.Spec.NodeName}, node); err != nil {
		return false, fmt.Errorf("look at the pod's node: %w", err)
	}
	return node.Labels["type"] == "kwok" || node.Annotations["kwok.x-k8s.io/node"] == "fake", nil
}

// keepGates opens the gate of each pod that runs and has none yet, until ctx ends. kwok opens gates by itself.
func keepGates(ctx context.Context, c client.Client, o *observer) {
	done := map[types.UID]bool{}
	for {
		var closed []*corev1.Pod
		o.mu.Lock()
		changed := o.changed
		for uid, p := range o.world.pods {
			if p.Status.Phase == corev1.PodRunning && !hasGate(p) && !done[uid] {
				closed = append(closed, p)
			}
		}
		o.mu.Unlock()
		for _, p := range closed {
			done[p.UID] = true
			patch := client.RawPatch(types.StrategicMergePatchType, []byte(conditionPatch(corev1.ConditionTrue, false)))
			if err := client.IgnoreNotFound(c.Status().Patch(ctx, p.DeepCopy(), patch)); err != nil {
				o.fail(fmt.Errorf("open the readiness gate of pod %s: %w", p.Name, err))
				return
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

func hasGate(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == gate {
			return true
		}
	}
	return false
}
