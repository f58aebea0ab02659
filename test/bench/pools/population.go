package pools

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/bench/peer"
	"github.com/kube-zen/zen-lead/test/bench/swap"
)

// Namespaces of the two programs' pools, and of what belongs to neither.
const (
	ours   = "bench-zen-lead"
	theirs = "bench-peer"
	apart  = "bench"
)

// creators make pods side by side, so that setting up takes a minute and not five.
const creators = 8

// podsPerPool is how many pods a pool has where nothing else is said.
const podsPerPool = 3

// size is how many pools there are in a namespace, and pods in each.
type size struct{ pools, pods int }

func poolName(n int) string { return fmt.Sprintf("pool-%04d", n) }

// podName names pod i of a pool. No name is used twice: a pool that has lost pods goes on counting.
func podName(n, i int) string { return fmt.Sprintf("%s-%d", poolName(n), i) }

// population makes pools and breaks them.
type population struct {
	client   kubernetes.Interface
	policies dynamic.NamespaceableResourceInterface
}

func newPopulation(config *rest.Config) (*population, error) {
	client, err := kubernetes.NewForConfig(swap.Protobuf(swap.OwnConnection(config)))
	if err != nil {
		return nil, fmt.Errorf("population: %w", err)
	}
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("population: %w", err)
	}
	return &population{client: client, policies: dyn.Resource(v1alpha1.GroupVersion.WithResource("leaderpolicies"))}, nil
}

// addNamespace makes a namespace in which pods can be created although nobody runs the controller of accounts.
func (p *population) addNamespace(ctx context.Context, name string) error {
	_, err := p.client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("namespace %s: %w", name, err)
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	if _, err := p.client.CoreV1().ServiceAccounts(name).Create(ctx, account, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("account of namespace %s: %w", name, err)
	}
	return nil
}

// add makes pool n of a namespace: its policy, where the pools are ours, and its pods, ready.
func (p *population) add(ctx context.Context, namespace string, n, pods int) error {
	if namespace == ours {
		if err := p.addPolicy(ctx, poolName(n)); err != nil {
			return err
		}
	}
	for i := range pods {
		if err := p.addPod(ctx, namespace, n, i); err != nil {
			return err
		}
	}
	return nil
}

// addPod makes pod i of pool n, ready.
func (p *population) addPod(ctx context.Context, namespace string, n, i int) error {
	meta := metav1.ObjectMeta{Name: podName(n, i), Labels: map[string]string{peer.PoolLabel: poolName(n)}}
	if namespace == ours {
		meta = metav1.ObjectMeta{Name: podName(n, i), Annotations: map[string]string{v1alpha1.PoolAnnotation: poolName(n)}}
	}
	_, err := p.client.CoreV1().Pods(namespace).Create(ctx, &corev1.Pod{ObjectMeta: meta, Spec: podSpec()}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("pod: %w", err)
	}
	return p.setReady(ctx, namespace, meta.Name, fmt.Sprintf("10.%d.%d.%d", 1+i, n>>8&255, n&255), true)
}

func (p *population) addPolicy(ctx context.Context, name string) error {
	policy := &unstructured.Unstructured{}
	policy.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("LeaderPolicy"))
	policy.SetName(name)
	if _, err := p.policies.Namespace(ours).Create(ctx, policy, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("policy %s: %w", name, err)
	}
	return nil
}

// podSpec places the pod on a node that nobody speaks for: no scheduler and no kubelet takes part.
func podSpec() corev1.PodSpec {
	return corev1.PodSpec{
		NodeName: "bench-node",
		Containers: []corev1.Container{{
			Name: "app", Image: "app.invalid/app:1", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
		}},
		AutomountServiceAccountToken: new(false),
	}
}

// setReady writes the status as a kubelet would. ip is needed only the first time.
func (p *population) setReady(ctx context.Context, namespace, name, ip string, ready bool) error {
	value := corev1.ConditionFalse
	if ready {
		value = corev1.ConditionTrue
	}
	status := map[string]any{"conditions": []any{map[string]any{"type": corev1.PodReady, "status": value}}}
	if ip != "" {
		status["phase"], status["podIP"], status["podIPs"] = corev1.PodRunning, ip, []any{map[string]any{"ip": ip}}
	}
	body, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return err
	}
	_, err = p.client.CoreV1().Pods(namespace).Patch(ctx, name, types.StrategicMergePatchType, body, metav1.PatchOptions{}, "status")
	if err != nil {
		return fmt.Errorf("readiness of pod %s: %w", name, err)
	}
	return nil
}

// kill deletes a pod without grace: it is gone when the call returns.
func (p *population) kill(ctx context.Context, namespace, name string) error {
	err := p.client.CoreV1().Pods(namespace).Delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))})
	if err != nil {
		return fmt.Errorf("pod %s: %w", name, err)
	}
	return nil
}

// touch changes something on a policy of ours that nobody looks at: its pool is decided again.
func (p *population) touch(ctx context.Context, n int) error {
	body := []byte(`{"metadata":{"annotations":{"bench/touched":"yes"}}}`)
	if _, err := p.policies.Namespace(ours).Patch(ctx, poolName(n), types.MergePatchType, body, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("policy %s: %w", poolName(n), err)
	}
	return nil
}

// inParallel calls do for each number below n, a few at a time, and done after each, with how many are done.
func inParallel(ctx context.Context, n int, do func(context.Context, int) error, done func(int)) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(creators)
	var mu sync.Mutex
	ready := 0
	for i := range n {
		group.Go(func() error {
			if err := do(ctx, i); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			ready++
			done(ready)
			return nil
		})
	}
	return group.Wait()
}
