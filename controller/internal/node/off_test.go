package node

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestWhatSaysThatANodeIsOff(t *testing.T) {
	of := func(ready corev1.ConditionStatus, taints ...string) *corev1.Node {
		n := &corev1.Node{}
		for _, key := range taints {
			n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: key, Effect: corev1.TaintEffectNoExecute})
		}
		if ready != "" {
			n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready}}
		}
		return n
	}
	for name, tc := range map[string]struct {
		node *corev1.Node
		want bool
	}{
		"somebody says that it is out of service, and it is not heard": {of(corev1.ConditionUnknown, corev1.TaintNodeOutOfService), true},
		"or said itself, as it shut down, that it is not ready":        {of(corev1.ConditionFalse, corev1.TaintNodeOutOfService), true},
		"or never said anything":                                       {of("", corev1.TaintNodeOutOfService), true},
		"not while it says that it is ready":                           {of(corev1.ConditionTrue, corev1.TaintNodeOutOfService), false},
		"not because it is not heard":                                  {of(corev1.ConditionUnknown, corev1.TaintNodeUnreachable), false},
		"not because its cloud says that it is shut down":              {of(corev1.ConditionUnknown, "node.cloudprovider.kubernetes.io/shutdown"), false},
		"nor because it is cordoned":                                   {of(corev1.ConditionUnknown, corev1.TaintNodeUnschedulable), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got, kept := Off(tc.node), Off(Reduced(tc.node)); got != tc.want || kept != tc.want {
				t.Errorf("off %v, of what the cache keeps %v, want %v", got, kept, tc.want)
			}
		})
	}
}
