package pool

import (
	"context"
	"reflect"
	"slices"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// Watch says which changes of one kind of object have which pools decided anew.
type Watch struct {
	Object     client.Object
	Handler    handler.EventHandler
	Predicates []predicate.Predicate
}

// Watches lists what is watched beside the policies themselves, each change of which counts.
func (r *Reconciler) Watches() []Watch {
	all := []Watch{
		{&coordinationv1.Lease{}, handler.EnqueueRequestsFromMapFunc(r.policiesOfLease), []predicate.Predicate{r.leaseChanged()}},
		{&corev1.Pod{}, enqueuePools(), []predicate.Predicate{memberChanged}},
		{&corev1.Node{}, r.enqueueNode(), []predicate.Predicate{nodeChanged}},
		{&corev1.Service{}, handler.EnqueueRequestsFromMapFunc(r.policiesOfService), nil},
		{&discoveryv1.EndpointSlice{}, handler.EnqueueRequestsFromMapFunc(policyOfLabel), nil},
	}
	if r.NoNodes {
		all = slices.DeleteFunc(all, func(w Watch) bool { _, ok := w.Object.(*corev1.Node); return ok })
	}
	return all
}

func policyOfLabel(_ context.Context, o client.Object) []reconcile.Request {
	return requests(o.GetNamespace(), o.GetLabels()[v1alpha1.PoolLabel])
}

// policiesOfLease finds the pool of a Lease and those whose program elects itself on it.
func (r *Reconciler) policiesOfLease(ctx context.Context, o client.Object) []reconcile.Request {
	found := r.policyOfLease(ctx, o)
	for _, q := range r.policiesObserving(ctx, o) {
		if len(found) == 0 || q != found[0] {
			found = append(found, q)
		}
	}
	return found
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

// leaseChanged passes over renewals, unless one is awaited: they change nobody's mind.
func (r *Reconciler) leaseChanged() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, ok := e.ObjectOld.(*coordinationv1.Lease)
			after, ok2 := e.ObjectNew.(*coordinationv1.Lease)
			if !ok || !ok2 {
				return true
			}
			return r.renewals.renewed(before, after, r.Now()) || recordChanged(before, after)
		},
		DeleteFunc: func(e event.DeleteEvent) bool {
			r.renewals.forget(client.ObjectKeyFromObject(e.Object))
			return true
		},
	}
}

func recordChanged(before, after *coordinationv1.Lease) bool {
	b, a := before.Spec.DeepCopy(), after.Spec.DeepCopy()
	b.RenewTime, a.RenewTime = nil, nil
	return !equality.Semantic.DeepEqual(b, a) || !equality.Semantic.DeepEqual(before.Annotations, after.Annotations) ||
		!equality.Semantic.DeepEqual(before.Labels, after.Labels)
}
