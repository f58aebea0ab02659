package demo

import (
	"context"
	"errors"
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// giveBack removes from a borrowed cluster what the demo made there. The controller has ended.
func (p *place) giveBack(ctx context.Context) error {
	if !p.made.namespace && !p.made.config {
		return nil
	}
	p.tell.text("")
	p.tell.line("removing what the demo made")
	defer p.tell.during("removing")()
	// The cluster takes its time for a namespace (five seconds before it begins), so two go side by side.
	var errs []error
	if p.made.namespace {
		errs = append(errs, p.deleteNamespace(ctx))
	}
	if p.made.config {
		errs = append(errs, p.removeConfig(ctx))
	}
	if p.made.namespace {
		errs = append(errs, p.awaitNoNamespace(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("something is left on the cluster (namespace %s, and what controller/config holds if the demo installed it): %w", p.namespace, err)
	}
	p.tell.line("the cluster is as it was before")
	return nil
}

// deleteNamespace asks for it.
func (p *place) deleteNamespace(ctx context.Context) error {
	for _, pool := range []string{poolName, unfencedPool, fencedPool} {
		if err := p.deletePool(ctx, pool); err != nil {
			return err
		}
	}
	_, err := p.run(ctx, "delete", "namespace", p.namespace, "--ignore-not-found", "--wait=false")
	return err
}

// deletePool deletes a policy and frees its Lease.
func (p *place) deletePool(ctx context.Context, pool string) error {
	policy := &v1alpha1.LeaderPolicy{}
	policy.Namespace, policy.Name = p.namespace, pool
	if err := client.IgnoreNotFound(p.client.Delete(ctx, policy)); err != nil {
		return fmt.Errorf("delete the LeaderPolicy: %w", err)
	}
	// A held Lease is guarded, and not every cluster deletes namespaces under the account that the guard lets pass.
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		lease := &coordinationv1.Lease{}
		if err := p.client.Get(ctx, client.ObjectKeyFromObject(policy), lease); err != nil {
			return err
		}
		lease.Spec.HolderIdentity = nil
		return p.client.Update(ctx, lease)
	})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("release the Lease: %w", err)
	}
	return nil
}

func (p *place) awaitNoNamespace(ctx context.Context) error {
	_, err := p.run(ctx, "wait", "--for=delete", "namespace/"+p.namespace, "--timeout="+removalTime.String())
	return err
}

func (p *place) removeConfig(ctx context.Context) error {
	config, err := configDir()
	if err != nil {
		return err
	}
	_, err = p.run(ctx, "delete", "-k", config, "--ignore-not-found", "--wait")
	return err
}
