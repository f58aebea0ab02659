package kubebuilder

import (
	"context"
	"errors"
	"sync"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// Reconciler reconciles while this process leads. What it is asked for at other times it remembers, once each, and asks for again
// when a term begins: so it is a source too.
//
// Caveats: a replica that follows remembers every request once, also for objects that are deleted meanwhile, until it leads. That is
// about a hundred bytes for each object that ever was.
type Reconciler[R comparable] struct {
	election *Election
	inner    reconcile.TypedReconciler[R]

	mu      sync.Mutex
	dropped map[R]struct{}
	queue   workqueue.TypedRateLimitingInterface[R]
}

var (
	_ reconcile.TypedReconciler[reconcile.Request] = &Reconciler[reconcile.Request]{}
	_ source.TypedSource[reconcile.Request]        = &Reconciler[reconcile.Request]{}
)

// Leading decorates a reconciler so that it works in the terms of an election. Give the result to the builder twice:
//
//	r := kubebuilder.Leading(election, &JobReconciler{…})
//	ctrl.NewControllerManagedBy(mgr).For(&batchv1.Job{}).WatchesRawSource(r).WithOptions(kubebuilder.EveryReplica()).Complete(r)
func Leading[R comparable](e *Election, inner reconcile.TypedReconciler[R]) *Reconciler[R] {
	r := &Reconciler[R]{election: e, inner: inner, dropped: map[R]struct{}{}}
	e.takeover = append(e.takeover, r.takeOver)
	return r
}

// EveryReplica has a controller run in every replica, also where the manager has a leader election for others.
func EveryReplica() controller.Options { return controller.Options{NeedLeaderElection: new(false)} }

// errNoSource is a mistake in the program.
var errNoSource = errors.New("what is asked for while another replica leads would be lost: add the Reconciler to the controller with WatchesRawSource, too")

// Start takes the controller's queue. The controller calls it.
func (r *Reconciler[R]) Start(_ context.Context, queue workqueue.TypedRateLimitingInterface[R]) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = queue
	return nil
}

// Reconcile calls the inner reconciler, with a context that ends with the term, or remembers the request. It fails where the
// Reconciler was not added as a source.
func (r *Reconciler[R]) Reconcile(ctx context.Context, request R) (reconcile.Result, error) {
	inTerm, done, ok := r.election.enter(ctx)
	if !ok {
		return reconcile.Result{}, r.drop(request)
	}
	defer done()
	result, err := r.inner.Reconcile(inTerm, request)
	if inTerm.Err() != nil && ctx.Err() == nil {
		// The term ended before it did: whoever leads next does it, and that may be this process.
		return reconcile.Result{}, r.drop(request)
	}
	return result, err
}

func (r *Reconciler[R]) drop(request R) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.queue == nil {
		return errNoSource
	}
	r.dropped[request] = struct{}{}
	if _, leads := r.election.Term(); leads { // a term began meanwhile, and did not see it
		r.addAll()
	}
	return nil
}

// takeOver asks for all that was dropped.
func (r *Reconciler[R]) takeOver() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addAll()
}

func (r *Reconciler[R]) addAll() {
	if r.queue == nil {
		return
	}
	for request := range r.dropped {
		r.queue.Add(request)
	}
	clear(r.dropped)
}
