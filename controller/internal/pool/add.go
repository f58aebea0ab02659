package pool

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/kube-zen/zen-lead/controller/internal/heartbeat"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// workers is how many pools are decided at once. A pass mostly waits for the API server.
const workers = 16

// A pass that failed is tried again after firstRetry, then ever more slowly, up to lastRetry: what was repaired (a
// right, a webhook) is noticed that soon.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// Add adds the controller of pools to the manager, whose cache must be made with CacheOptions.
//
// preferred says whether a pool prefers this replica, and confined whether it looks at some namespaces only, and at no nodes.
func Add(ctx context.Context, m manager.Manager, preferred func(types.NamespacedName) bool, confined bool) error {
	if err := addIndexes(ctx, m.GetFieldIndexer()); err != nil {
		return err
	}
	r := &Reconciler{
		Client: m.GetClient(), Live: m.GetAPIReader(), Recorder: m.GetEventRecorder("zen-lead"), Now: time.Now,
		Preferred: preferred, NoNodes: confined,
	}
	if err := m.Add(manager.RunnableFunc(r.Beat)); err != nil {
		return fmt.Errorf("pulse of the process: %w", err)
	}
	b := ctrl.NewControllerManagedBy(m).Named("pool").For(&v1alpha1.LeaderPolicy{})
	for _, w := range r.Watches() {
		b = b.Watches(w.Object, w.Handler, builder.WithPredicates(w.Predicates...))
	}
	if !confined {
		heartbeats, err := addHeartbeats(m)
		if err != nil {
			return err
		}
		r.Heartbeats = heartbeats
		b = b.WatchesRawSource(source.Channel(heartbeats.News(), r.enqueueNode()))
	}
	err := b.
		WithOptions(controller.Options{
			MaxConcurrentReconciles: workers, SkipNameValidation: new(true), RateLimiter: RateLimiter(),
		}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("controller of pools: %w", err)
	}
	return nil
}

// addHeartbeats has the manager watch the Leases of nodes.
func addHeartbeats(m manager.Manager) (*heartbeat.Watcher, error) {
	leases, err := coordinationclient.NewForConfigAndClient(m.GetConfig(), m.GetHTTPClient())
	if err != nil {
		return nil, fmt.Errorf("client of node Leases: %w", err)
	}
	w := heartbeat.New(leases)
	if err := m.Add(w); err != nil {
		return nil, fmt.Errorf("watch of node Leases: %w", err)
	}
	return w, nil
}

// RateLimiter returns what paces the retries of passes that failed.
func RateLimiter() workqueue.TypedRateLimiter[reconcile.Request] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry)
}
