package plugin

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// access is the cluster that kubectl's own flags and kubeconfig name.
type access struct {
	flags *genericclioptions.ConfigFlags
}

// connect returns a client and the namespace that is meant.
func (a *access) connect() (client.WithWatch, string, error) {
	config, err := a.flags.ToRESTConfig()
	if err != nil {
		return nil, "", fmt.Errorf("no cluster: %w", err)
	}
	namespace, _, err := a.flags.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, "", fmt.Errorf("namespace: %w", err)
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, "", fmt.Errorf("scheme: %w", err)
	}
	config.QPS = -1 // the API server's own fairness is enough
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, "", fmt.Errorf("client: %w", err)
	}
	return c, namespace, nil
}

// policy reads the policy of a pool.
func policy(ctx context.Context, c client.Reader, namespace, pool string) (*v1alpha1.LeaderPolicy, error) {
	p := &v1alpha1.LeaderPolicy{}
	if err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: pool}, p); err != nil {
		return nil, advice(err, namespace, pool)
	}
	return p, nil
}

// advice says what to do about an error where that is known.
func advice(err error, namespace, pool string) error {
	switch {
	case meta.IsNoMatchError(err):
		return fmt.Errorf("this cluster does not know LeaderPolicies: install zen-lead (kubectl apply -k controller/config), or choose another cluster with --context: %w", err)
	case apierrors.IsNotFound(err):
		return fmt.Errorf("there is no pool %q in namespace %s: kubectl zenlead status -A lists all pools", pool, namespace)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("you may not do that; ask for the right: %w", err)
	}
	return err
}
