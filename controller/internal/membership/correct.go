package membership

import (
	"encoding/json"
	"fmt"
	"regexp"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// validPool is what the admission policies accept: only that can be the name of a policy and the value of a label.
var validPool = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)

// poolOf returns the pool that a pod wants to be in, "" if none.
func poolOf(pod metav1.Object) string {
	if pool := pod.GetAnnotations()[v1alpha1.PoolAnnotation]; validPool.MatchString(pool) {
		return pool
	}
	return ""
}

// operation is one operation of a JSON patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// correction returns the JSON patch that makes label and role fit the annotation, nil if they do. It tests that the pod
// and what the decision rests on are as they were read.
func correction(pod metav1.Object) ([]byte, error) {
	pool, labels, annotations := poolOf(pod), pod.GetLabels(), pod.GetAnnotations()
	var changes []operation
	switch label, set := labels[v1alpha1.PoolLabel]; {
	case pool != "" && label != pool:
		if labels == nil {
			changes = append(changes, operation{"test", "/metadata/labels", nil}, operation{"add", "/metadata/labels", struct{}{}})
		}
		changes = append(changes, operation{"add", "/metadata/labels/zen-lead~1pool", pool})
	case pool == "" && set:
		changes = append(changes, operation{Op: "remove", Path: "/metadata/labels/zen-lead~1pool"})
	}
	if pool == "" {
		changes = append(changes, takeOffCost(labels, annotations)...)
		changes = append(changes, takeOff("/metadata/labels/zen-lead~1role", labels, v1alpha1.RoleLabel)...)
		changes = append(changes, takeOff("/metadata/annotations/zen-lead~1role", annotations, v1alpha1.RoleAnnotation)...)
		changes = append(changes, takeOff("/metadata/annotations/zen-lead~1term", annotations, v1alpha1.TermAnnotation)...)
	}
	if len(changes) == 0 {
		return nil, nil
	}
	tests := []operation{{"test", "/metadata/uid", pod.GetUID()}}
	if annotations != nil {
		tests = append(tests,
			operation{"test", "/metadata/annotations/zen-lead~1pool", orNull(annotations, v1alpha1.PoolAnnotation)},
			operation{"test", "/metadata/annotations/zen-lead~1role", orNull(annotations, v1alpha1.RoleAnnotation)},
			operation{"test", "/metadata/annotations/zen-lead~1term", orNull(annotations, v1alpha1.TermAnnotation)})
	}
	body, err := json.Marshal(append(tests, changes...))
	if err != nil {
		return nil, fmt.Errorf("patch of pod %s: %w", pod.GetName(), err)
	}
	return body, nil
}

// takeOffCost takes off the deletion cost that a leader was given, unless its user has given it another.
func takeOffCost(labels, annotations map[string]string) []operation {
	led := labels[v1alpha1.RoleLabel] == v1alpha1.RoleLeader || annotations[v1alpha1.RoleAnnotation] == v1alpha1.RoleLeader
	if !led || annotations[corev1.PodDeletionCost] != v1alpha1.LeaderDeletionCost {
		return nil
	}
	const path = "/metadata/annotations/controller.kubernetes.io~1pod-deletion-cost"
	return []operation{{"test", path, v1alpha1.LeaderDeletionCost}, {Op: "remove", Path: path}}
}

func takeOff(path string, from map[string]string, key string) []operation {
	if _, set := from[key]; !set {
		return nil
	}
	return []operation{{Op: "remove", Path: path}}
}

// orNull is how a test says "absent".
func orNull(m map[string]string, key string) any {
	if v, set := m[key]; set {
		return v
	}
	return nil
}
