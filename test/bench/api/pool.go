package api

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// podsPerPool is a leader and two candidates.
const podsPerPool = 3

// pool is a pool whose pods are bare objects on a node that does not exist. It is for one goroutine.
type pool struct {
	rig  *rig
	name string
	// pods is how many it ever had.
	pods   int
	leader string
}

// addPool makes a pool of ready pods and waits until one leads.
func (r *rig) addPool(ctx context.Context, name string) (*pool, error) {
	policy := &unstructured.Unstructured{}
	policy.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("LeaderPolicy"))
	policy.SetName(name)
	if _, err := r.policies.Namespace(ours).Create(ctx, policy, metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("policy %s: %w", name, err)
	}
	p := &pool{rig: r, name: name}
	for range podsPerPool {
		if err := p.addPod(ctx); err != nil {
			return nil, err
		}
	}
	led, err := r.leases.await(ctx, name, "")
	if err != nil {
		return nil, err
	}
	p.leader = led.holder
	return p, nil
}

// addPod adds a pod that is ready, as a kubelet would say.
func (p *pool) addPod(ctx context.Context) error {
	pods := p.rig.client.CoreV1().Pods(ours)
	name := fmt.Sprintf("%s-%d", p.name, p.pods)
	ip := fmt.Sprintf("10.1.%d.%d", p.pods>>8&255, p.pods&255)
	p.pods++
	_, err := pods.Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{v1alpha1.PoolAnnotation: p.name}},
		Spec: corev1.PodSpec{
			NodeName:                     "bench-node",
			Containers:                   []corev1.Container{{Name: "app", Image: "app.invalid/app:1", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}}}},
			AutomountServiceAccountToken: new(false),
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("pod: %w", err)
	}
	status, err := json.Marshal(map[string]any{"status": map[string]any{
		"phase": corev1.PodRunning, "podIP": ip, "podIPs": []any{map[string]any{"ip": ip}},
		"conditions": []any{map[string]any{"type": corev1.PodReady, "status": corev1.ConditionTrue}},
	}})
	if err != nil {
		return err
	}
	if _, err := pods.Patch(ctx, name, types.StrategicMergePatchType, status, metav1.PatchOptions{}, "status"); err != nil {
		return fmt.Errorf("readiness of pod %s: %w", name, err)
	}
	return nil
}

// awaitStatus waits until a pool's policy names its leader, too: then nothing is written any more.
func (r *rig) awaitStatus(ctx context.Context, p *pool) error {
	named := ""
	err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		policy, err := r.policies.Namespace(ours).Get(ctx, p.name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		named, _, err = unstructured.NestedString(policy.Object, "status", "currentHolder", "name")
		return named == p.leader, err
	})
	if err != nil {
		return fmt.Errorf("the status of policy %s names %q, not %s: %w", p.name, named, p.leader, err)
	}
	return nil
}

// killLeader deletes the leader's pod without grace: it is gone when the call returns.
func (p *pool) killLeader(ctx context.Context) error {
	err := p.rig.client.CoreV1().Pods(ours).Delete(ctx, p.leader, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))})
	if err != nil {
		return fmt.Errorf("pod %s: %w", p.leader, err)
	}
	return nil
}
