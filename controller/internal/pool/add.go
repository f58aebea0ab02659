package pool

import (
	"context"
	"fmt"
	"reflect"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

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
// preferred says whether a pool prefers this replica.
func Add(ctx context.Context, m manager.Manager, preferred func(types.NamespacedName) bool) error {
	if err := addIndexes(ctx, m.GetFieldIndexer()); err != nil {
		return err
	}
	r := &Reconciler{
		Client: m.GetClient(), Live: m.GetAPIReader(), Recorder: m.GetEventRecorder("zen-lead"), Now: time.Now,
		Preferred: preferred,
	}
	if err := m.Add(manager.RunnableFunc(r.Beat)); err != nil {
		return fmt.Errorf("pulse of the process: %w", err)
	}
	err := ctrl.NewControllerManagedBy(m).
		Named("pool").
		For(&v1alpha1.LeaderPolicy{}).
		Watches(&coordinationv1.Lease{}, handler.EnqueueRequestsFromMapFunc(r.policyOfLease), builder.WithPredicates(leaseChanged)).
		Watches(&corev1.Pod{}, enqueuePools(), builder.WithPredicates(memberChanged)).
		Watches(&corev1.Service{}, handler.EnqueueRequestsFromMapFunc(r.policiesOfService)).
		Watches(&discoveryv1.EndpointSlice{}, handler.EnqueueRequestsFromMapFunc(policyOfLabel)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: workers, SkipNameValidation: new(true),
			RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
		}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("controller of pools: %w", err)
	}
	return nil
}

func policyOfLabel(_ context.Context, o client.Object) []reconcile.Request {
	return requests(o.GetNamespace(), o.GetLabels()[v1alpha1.PoolLabel])
}

// policyOfLease passes over the Leases that are nobody's pool: a cluster has many.
func (r *Reconciler) policyOfLease(ctx context.Context, o client.Object) []reconcile.Request {
	if o.GetAnnotations()[v1alpha1.TermBaseAnnotation] != "" || o.GetLabels()[v1alpha1.PoolLabel] != "" {
		return requests(o.GetNamespace(), o.GetName())
	}
	if err := r.Client.Get(ctx, client.ObjectKeyFromObject(o), &v1alpha1.LeaderPolicy{}); err != nil {
		return nil // no policy of that name; its own event comes when there is one
	}
	return requests(o.GetNamespace(), o.GetName())
}

// policiesOfService finds the pool that made a Service and those that want its name.
func (r *Reconciler) policiesOfService(ctx context.Context, o client.Object) []reconcile.Request {
	found := policyOfLabel(ctx, o)
	var wanting v1alpha1.LeaderPolicyList
	if err := r.Client.List(ctx, &wanting, client.InNamespace(o.GetNamespace()), client.MatchingFields{indexService: o.GetName()}); err != nil {
		return found
	}
	for _, p := range wanting.Items {
		found = append(found, requests(p.Namespace, p.Name)...)
	}
	return found
}

func requests(namespace, pool string) []reconcile.Request {
	if pool == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: namespace, Name: pool}}}
}

// memberChanged passes over updates of pods that change nothing a decision looks at.
var memberChanged = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	before, ok := e.ObjectOld.(*corev1.Pod)
	after, ok2 := e.ObjectNew.(*corev1.Pod)
	if !ok || !ok2 {
		return true
	}
	return poolOf(before) != poolOf(after) || !reflect.DeepEqual(MemberOf(before), MemberOf(after))
}}

// leaseChanged passes over renewals: they change nobody's mind.
var leaseChanged = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	before, ok := e.ObjectOld.(*coordinationv1.Lease)
	after, ok2 := e.ObjectNew.(*coordinationv1.Lease)
	if !ok || !ok2 {
		return true
	}
	b, a := before.Spec.DeepCopy(), after.Spec.DeepCopy()
	b.RenewTime, a.RenewTime = nil, nil
	return !equality.Semantic.DeepEqual(b, a) || !equality.Semantic.DeepEqual(before.Annotations, after.Annotations) ||
		!equality.Semantic.DeepEqual(before.Labels, after.Labels)
}}
