package pool

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"
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
	// Preferred says whether a pool prefers this replica, which then acts at once. Nil: all pools do.
	Preferred func(pool types.NamespacedName) bool
	// Heartbeats tells which nodes are silent. Nil: none is.
	Heartbeats Heartbeats

	// NoNodes: this process may not look at nodes. Nothing is known of them then.
	NoNodes bool

	memories memories
	renewals renewals
	places   places
	pulse    pulse
	// busy counts the passes under way, creating those of them that create a Service.
	busy, creating atomic.Int32
}

// Heartbeats tells which nodes have stopped to renew their Leases.
type Heartbeats interface {
	// Silent says what is known of a node. StillSilent asks the API server before it says so.
	Silent(node string) bool
	StillSilent(ctx context.Context, node string) (bool, error)
}

// retryAfter is when a pass that found itself stale is tried again, unless the event of the change comes first.
const retryAfter = 20 * time.Millisecond

// failuresInARow is how many passes in a row may fail before something counts as refusing the write for good: a stale
// pass is then an error, which is told in the log and retried ever more slowly, and the status is written without what
// fails.
const failuresInARow = 5

// Reconcile decides about one pool and carries the decision out.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	r.busy.Add(1)
	defer r.busy.Add(-1)
	m := r.memories.of(req.NamespacedName)
	plan, err := r.pass(ctx, req, m)
	if err == nil && plan.Create && m.acting { // decided again at once, with the Lease that was just made
		plan, err = r.pass(ctx, req, m)
	}
	acted := m.acting
	m.acting = errors.Is(err, errStale) && acted // whoever began finishes
	switch {
	case errors.Is(err, errTerminating):
		return ctrl.Result{}, nil
	case errors.Is(err, errStale) && m.failures < failuresInARow:
		m.failures++
		log.FromContext(ctx).V(1).Info("Deciding anew", "why", err.Error())
		return ctrl.Result{RequeueAfter: retryAfter}, nil
	case err != nil:
		m.failures++
		return ctrl.Result{}, err
	}
	m.failures = 0
	after := sooner(plan.After, m.stale())
	if !acted && plan.After > 0 {
		return ctrl.Result{RequeueAfter: after}, nil // as urgent as it was
	}
	if acted && m.behind > 0 {
		return ctrl.Result{RequeueAfter: m.behind, Priority: new(normal)}, nil
	}
	if plan.forgettable && !m.waiting() {
		r.memories.drop(req.NamespacedName)
	}
	return ctrl.Result{RequeueAfter: after, Priority: new(normal)}, nil
}

// crowded says whether every worker has a pool: others may wait that have no leader.
func (r *Reconciler) crowded() bool { return r.busy.Load() >= workers }

// pass decides once. m.acting says afterwards whether the plan was carried out, or left to another replica.
func (r *Reconciler) pass(ctx context.Context, req ctrl.Request, m *memory) (Plan, error) {
	now := r.Now()
	o, err := r.observe(ctx, req.NamespacedName, m, now)
	if err != nil {
		return Plan{}, err
	}
	p := &pass{r: r, m: m, now: now}
	plan := Decide(o, now.Truncate(time.Microsecond))
	var again time.Duration
	r.await(&o, &plan)
	if m.acting, again = r.turn(req.NamespacedName, o, plan, m, now); !m.acting {
		if !plan.acts() { // somebody else wrote the status that was left for later
			p.o = o
			p.catchUp()
		}
		return Plan{After: sooner(again, plan.After), forgettable: plan.forgettable && again == 0}, nil
	}
	for plan.reads() {
		if err := r.read(ctx, req.NamespacedName, plan, m, now, &o); err != nil {
			return plan, err
		}
		plan = Decide(o, now.Truncate(time.Microsecond))
		r.await(&o, &plan)
	}
	p.o = o
	return plan, p.apply(ctx, plan)
}

// sooner returns the smaller of two delays, of which 0 is none.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}
