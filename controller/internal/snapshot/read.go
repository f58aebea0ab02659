package snapshot

import (
	"context"
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// Read tells who leads a pool as the API server says now. found is false where there is no such pool.
func Read(ctx context.Context, live client.Reader, pool types.NamespacedName) (s State, r Revision, found bool, err error) {
	var p v1alpha1.LeaderPolicy
	switch err := live.Get(ctx, pool, &p); {
	case apierrors.IsNotFound(err):
		return s, r, false, nil
	case err != nil:
		return s, r, false, fmt.Errorf("read policy %s: %w", pool, err)
	case p.DeletionTimestamp != nil:
		return s, r, false, nil
	}
	k := facts{policy: policyOf(&p)}
	k.heard.Policy = version(p.ResourceVersion)
	var l coordinationv1.Lease
	switch err := live.Get(ctx, pool, &l); {
	case err == nil:
		k.lease = leaseOf(&l)
		k.heard.Lease = version(l.ResourceVersion)
	case !apierrors.IsNotFound(err):
		return s, r, false, fmt.Errorf("read Lease %s: %w", pool, err)
	}
	pod, err := readHolder(ctx, live, &k)
	if err != nil {
		return s, r, false, err
	}
	s, r = k.stateOf(func(uid string) *podFacts {
		if pod != nil && pod.leader.UID == uid {
			return pod
		}
		return nil
	})
	return s, r, true, nil
}

// readHolder reads the pod that the record or the status names, nil where there is none.
func readHolder(ctx context.Context, live client.Reader, k *facts) (*podFacts, error) {
	name := k.policy.status.Leader.Name
	if l := k.lease; l != nil && l.record.Held() && k.policy.mode != v1alpha1.ModeObserve {
		if k.policy.custom {
			return findHolder(ctx, live, k.policy.status.Pool, l.record.Holder.UID)
		}
		name = l.record.Holder.Identity
	}
	if name == "" {
		return nil, nil //nolint:nilnil // nobody is an answer
	}
	var p corev1.Pod
	switch err := live.Get(ctx, types.NamespacedName{Namespace: k.policy.status.Pool.Namespace, Name: name}, &p); {
	case apierrors.IsNotFound(err):
		return nil, nil //nolint:nilnil // nobody is an answer
	case err != nil:
		return nil, fmt.Errorf("read pod %s: %w", name, err)
	}
	return podOf(&p), nil
}

// findHolder finds the member of a UID: its name is not what the record says.
func findHolder(ctx context.Context, live client.Reader, pool types.NamespacedName, uid string) (*podFacts, error) {
	var members corev1.PodList
	if err := live.List(ctx, &members, client.InNamespace(pool.Namespace), client.MatchingLabels{v1alpha1.PoolLabel: pool.Name}); err != nil {
		return nil, fmt.Errorf("list members of %s: %w", pool, err)
	}
	for i := range members.Items {
		if string(members.Items[i].UID) == uid {
			return podOf(&members.Items[i]), nil
		}
	}
	return nil, nil //nolint:nilnil // nobody is an answer
}
