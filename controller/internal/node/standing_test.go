package node

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestStandings(t *testing.T) {
	cordoned := func(n *corev1.Node) { n.Spec.Unschedulable = true }
	taint := func(key string) func(*corev1.Node) {
		return func(n *corev1.Node) {
			n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: key, Effect: corev1.TaintEffectNoExecute})
		}
	}
	status := func(s corev1.ConditionStatus) func(*corev1.Node) {
		return func(n *corev1.Node) {
			n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeDiskPressure, Status: corev1.ConditionUnknown}, {Type: corev1.NodeReady, Status: s}}
		}
	}
	deleted := func(n *corev1.Node) { n.DeletionTimestamp = &metav1.Time{} }
	for name, tc := range map[string]struct {
		changes []func(*corev1.Node)
		want    Standing
	}{
		"nothing is known of it": {nil, Sound},
		"it is ready":            {[]func(*corev1.Node){status(corev1.ConditionTrue)}, Sound},
		"its kubelet says it is not ready: pods tell":     {[]func(*corev1.Node){status(corev1.ConditionFalse), taint(corev1.TaintNodeNotReady)}, Sound},
		"somebody's own taint":                            {[]func(*corev1.Node){taint("gpu")}, Sound},
		"the autoscaler only thinks of it":                {[]func(*corev1.Node){taint("DeletionCandidateOfClusterAutoscaler")}, Sound},
		"cordoned":                                        {[]func(*corev1.Node){cordoned}, Leaving},
		"tainted as cordoned":                             {[]func(*corev1.Node){taint("node.kubernetes.io/unschedulable")}, Leaving},
		"the autoscaler deletes it":                       {[]func(*corev1.Node){taint("ToBeDeletedByClusterAutoscaler")}, Leaving},
		"Karpenter deletes it":                            {[]func(*corev1.Node){taint("karpenter.sh/disrupted")}, Leaving},
		"it is being deleted":                             {[]func(*corev1.Node){deleted}, Leaving},
		"not heard of for the grace period":               {[]func(*corev1.Node){status(corev1.ConditionUnknown)}, Unreachable},
		"tainted as unreachable":                          {[]func(*corev1.Node){taint("node.kubernetes.io/unreachable")}, Unreachable},
		"cordoned and unreachable":                        {[]func(*corev1.Node){cordoned, status(corev1.ConditionUnknown)}, Unreachable},
		"out of service":                                  {[]func(*corev1.Node){taint("node.kubernetes.io/out-of-service"), status(corev1.ConditionUnknown)}, OutOfService},
		"out of service, whatever else it says of itself": {[]func(*corev1.Node){taint("node.kubernetes.io/out-of-service"), status(corev1.ConditionTrue)}, OutOfService},
	} {
		t.Run(name, func(t *testing.T) {
			n := &corev1.Node{}
			for _, c := range tc.changes {
				c(n)
			}
			if got := StandingOf(n); got != tc.want {
				t.Errorf("StandingOf() = %d, want %d", got, tc.want)
			}
			if got := StandingOf(Reduced(n)); got != tc.want {
				t.Errorf("of what the cache keeps: %d, want %d", got, tc.want)
			}
		})
	}
	if got := StandingOf(nil); got != Gone {
		t.Errorf("without node: %d, want %d", got, Gone)
	}
}

func TestASoundNodeIsBestAndLostOnesAreEquallyBad(t *testing.T) {
	order := [][]Standing{{Sound}, {Leaving}, {Silent, Unreachable, Gone, OutOfService}}
	for i, better := range order {
		for j, other := range order {
			for _, a := range better {
				for _, b := range other {
					if got := b.Worse(a); got != (j > i) {
						t.Errorf("%d is worse than %d: %v", b, a, got)
					}
				}
			}
		}
	}
}

func TestWhatTheCacheKeepsOfANodeIsSmall(t *testing.T) {
	n := Reduced(&corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n", Labels: map[string]string{"zone": "a"}, Annotations: map[string]string{"large": "x"}},
		Spec:       corev1.NodeSpec{PodCIDR: "10.0.0.0/24", Taints: []corev1.Taint{{Key: "gpu"}}},
		Status:     corev1.NodeStatus{Images: []corev1.ContainerImage{{SizeBytes: 1}}},
	})
	if n.Name != "n" || n.Labels["zone"] != "a" || n.Annotations != nil || n.Spec.PodCIDR != "" || n.Spec.Taints != nil || n.Status.Images != nil {
		t.Errorf("kept %+v", n)
	}
}
