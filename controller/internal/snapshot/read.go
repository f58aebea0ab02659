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
	var l coordinationv1.Lease
	switch err := live.Get(ctx, pool, &l); {
	case err == nil:
		k.lease = leaseOf(&l)
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

// readHolder reads the pod that the record or the status names, nil where there is none of that name.
func readHolder(ctx context.Context, live client.Reader, k *facts) (*podFacts, error) {
	name := k.policy.status.Leader.Name
	if l := k.lease; l != nil && l.record.Held() && !k.policy.custom && k.policy.mode != v1alpha1.ModeObserve {
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
