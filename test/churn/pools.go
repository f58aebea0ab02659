package churn

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

var policyResource = v1alpha1.GroupVersion.WithResource("leaderpolicies")

func (l *load) setUp(ctx context.Context) error {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: l.Namespace}}
	if _, err := l.client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	// Pods need the account; without a controller manager nobody else makes it.
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	if _, err := l.client.CoreV1().ServiceAccounts(l.Namespace).Create(ctx, account, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	for n := range l.Pools {
		if err := l.createPolicy(ctx, poolName(n)); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
		l.did(CreatePolicy, nil)
	}
	w := &worker{load: l}
	for _, s := range l.slots {
		w.createPod(ctx, s, CreatePod)
		if !s.there {
			return errors.New("no pod " + s.name + " can be created: " + l.counts.String())
		}
	}
	return nil
}

func (l *load) createPolicy(ctx context.Context, name string) error {
	p := &unstructured.Unstructured{}
	p.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("LeaderPolicy"))
	p.SetName(name)
	_, err := l.policies.Create(ctx, p, metav1.CreateOptions{})
	l.note(name, err == nil || apierrors.IsAlreadyExists(err), false)
	return err
}

func (l *load) deletePolicy(ctx context.Context, name string) error {
	err := l.policies.Delete(ctx, name, metav1.DeleteOptions{})
	l.note(name, err == nil || apierrors.IsNotFound(err), true)
	return err
}

// note keeps whether a policy is missing, if that is known.
func (l *load) note(pool string, known, missing bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known {
		l.missing[pool] = missing
	}
}

func (l *load) onPool(ctx context.Context, a Action, pool string) {
	service := pool + v1alpha1.LeaderServiceSuffix
	now := metav1.DeleteOptions{}
	request := map[Action]func() error{
		CreatePolicy: func() error { return l.createPolicy(ctx, pool) },
		DeletePolicy: func() error { return l.deletePolicy(ctx, pool) },
		RecreatePolicy: func() error {
			if err := l.deletePolicy(ctx, pool); err != nil && !apierrors.IsNotFound(err) {
				return err
			}
			return l.createPolicy(ctx, pool)
		},
		DeleteService: func() error { return l.client.CoreV1().Services(l.Namespace).Delete(ctx, service, now) },
		DeleteSlices: func() error {
			return l.client.DiscoveryV1().EndpointSlices(l.Namespace).DeleteCollection(ctx, now, metav1.ListOptions{
				LabelSelector: discoveryv1.LabelServiceName + "=" + service,
			})
		},
		DeleteLease: func() error { return l.client.CoordinationV1().Leases(l.Namespace).Delete(ctx, pool, now) },
	}[a]
	l.did(a, request())
}

// putPoliciesBack leaves every pool with a policy that wishes nothing. It tries as long as ctx lets it: the load may end
// while the API server is away.
func (l *load) putPoliciesBack(ctx context.Context) error {
	for n := range l.Pools {
		for {
			err := l.createPolicy(ctx, poolName(n))
			if apierrors.IsAlreadyExists(err) {
				if err = l.patchPolicy(ctx, poolName(n), fields{"spec": nil}); err == nil {
					break
				}
			} else if l.did(CreatePolicy, err) {
				break
			}
			select {
			case <-ctx.Done():
				return err
			case <-time.After(500 * time.Millisecond):
			}
		}
	}
	return nil
}
