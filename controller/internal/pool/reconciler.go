package pool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// Reconciler keeps every pool as its policy wants it.
type Reconciler struct {
	// Client reads from the cache and writes to the API server.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader
	// Recorder tells events.
	Recorder events.EventRecorder
	// Now is the clock; its readings are compared with one another and shown to people, nothing else.
	Now func() time.Time

	memories memories
}

// retryAfter is when a pass that found itself stale is tried again, unless the event of the change comes first.
const retryAfter = 20 * time.Millisecond

// staleInARow is how many passes in a row may be stale before that counts as an error, which is told in the log and
// retried ever more slowly: something then refuses the write for good, or the API server is away.
const staleInARow = 5

// Reconcile decides about one pool and carries the decision out.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	m := r.memories.of(req.NamespacedName)
	plan, err := r.pass(ctx, req, m)
	if err == nil && plan.Create { // decided again at once, with the Lease that was just made
		plan, err = r.pass(ctx, req, m)
	}
	switch {
	case errors.Is(err, errTerminating):
		return ctrl.Result{}, nil
	case errors.Is(err, errStale) && m.stale < staleInARow:
		m.stale++
		log.FromContext(ctx).V(1).Info("Deciding anew", "why", err.Error())
		return ctrl.Result{RequeueAfter: retryAfter}, nil
	case err != nil:
		return ctrl.Result{}, err
	}
	m.stale = 0
	if m.waiting() && (plan.After == 0 || plan.After > staleFor) {
		return ctrl.Result{RequeueAfter: staleFor}, nil
	}
	if plan.forgettable {
		r.memories.drop(req.NamespacedName)
	}
	return ctrl.Result{RequeueAfter: plan.After}, nil
}

func (r *Reconciler) pass(ctx context.Context, req ctrl.Request, m *memory) (Plan, error) {
	now := r.Now()
	o, err := r.observe(ctx, req.NamespacedName, m, now)
	if err != nil {
		return Plan{}, err
	}
	plan := Decide(o, now.Truncate(time.Microsecond))
	if plan.Reread {
		if err := r.observeLive(ctx, req.NamespacedName, m, now, &o); err != nil {
			return plan, err
		}
		plan = Decide(o, now.Truncate(time.Microsecond))
	}
	if plan.RereadPolicy {
		if err := r.observePolicyLive(ctx, req.NamespacedName, m, now, &o); err != nil {
			return plan, err
		}
		if o.Policy != nil { // it is there: the next pass observes everything for it
			return plan, fmt.Errorf("%w: the watch of policies lags behind", errStale)
		}
		plan = Decide(o, now.Truncate(time.Microsecond))
	}
	p := &pass{r: r, o: o, m: m, now: now}
	return plan, p.apply(ctx, plan)
}
