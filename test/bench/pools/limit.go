package pools

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/bench/swap"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

const (
	// limitAgent is how the raw writer shows up in the audit log.
	limitAgent = "raw-storm"
	// limitWorkers is how many pools zen-lead decides at once.
	limitWorkers = 16
)

// limit is the measure of a storm: it makes the same four writes for each pool as zen-lead, with the same client library
// (protobuf for all but policies and patches), on one connection, under zen-lead's account and so in the way of the same
// admission policies, with as many workers. It knows beforehand what to write and waits for nothing: no watch, no cache,
// no decision, no event, and no role of the pod that is gone.
type limit struct{ client client.Client }

func newLimit(ctx context.Context, r *rig) (*limit, error) {
	path := filepath.Join(r.cluster.Dir, limitAgent+".kubeconfig")
	if err := r.cluster.KubeconfigFor(ctx, zenlead.Namespace, zenlead.Account, path); err != nil {
		return nil, fmt.Errorf("raw writer: %w", err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, fmt.Errorf("raw writer: %w", err)
	}
	config = swap.OwnConnection(config)
	config.UserAgent, config.QPS = limitAgent, -1
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("raw writer: %w", err)
		}
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("raw writer: %w", err)
	}
	return &limit{c}, nil
}

// prepare reads all pools and makes their successions.
func (l *limit) prepare(ctx context.Context, pools int) ([]succession, error) {
	var leases coordinationv1.LeaseList
	var endpoints discoveryv1.EndpointSliceList
	var pods corev1.PodList
	var policies v1alpha1.LeaderPolicyList
	for _, list := range []client.ObjectList{&leases, &endpoints, &pods, &policies} {
		if err := l.client.List(ctx, list, client.InNamespace(ours)); err != nil {
			return nil, fmt.Errorf("raw writer: list %T: %w", list, err)
		}
	}
	all := make(map[string]*succession, pools)
	of := func(name string) *succession {
		if all[name] == nil {
			all[name] = &succession{}
		}
		return all[name]
	}
	for i := range leases.Items {
		of(leases.Items[i].Name).lease = &leases.Items[i]
	}
	for i := range endpoints.Items {
		of(endpoints.Items[i].Labels[v1alpha1.PoolLabel]).slice = &endpoints.Items[i]
	}
	for i := range policies.Items {
		of(policies.Items[i].Name).policy = &policies.Items[i]
	}
	for i := range pods.Items {
		s := of(pods.Items[i].Labels[v1alpha1.PoolLabel])
		s.pods = append(s.pods, &pods.Items[i])
	}
	moves := make([]succession, 0, pools)
	for _, name := range slices.Sorted(maps.Keys(all)) { // in the order in which the leaders are deleted
		if err := all[name].prepare(); err != nil {
			return nil, fmt.Errorf("raw writer: pool %s: %w", name, err)
		}
		moves = append(moves, *all[name])
	}
	return moves, nil
}

// write makes the four writes of each pool, one after the other in a pool.
func (l *limit) write(ctx context.Context, moves []succession) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(limitWorkers)
	for i := range moves {
		group.Go(func() error { return moves[i].write(ctx, l.client) })
	}
	return group.Wait()
}
