package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// apply carries a plan out. The Lease is written first: only then is the rest true.
func (p *pass) apply(ctx context.Context, plan Plan) error {
	if err := p.stepDown(ctx, plan); err != nil {
		return err
	}
	if plan.Create {
		if err := p.writeStatus(ctx, plan.Status); err != nil {
			return err
		}
	}
	if err := p.writeLease(ctx, plan); err != nil || plan.Create {
		return err
	}
	// What follows from the Lease is true now, whatever becomes of one of these writes: each is tried.
	waits, err := p.writeService(ctx, plan.Service)
	err = errors.Join(err, p.publish(ctx, plan), p.remove(ctx, plan))
	if err != nil && p.m.failures < failuresInARow {
		p.tell(changes(plan.Events))
		// The status stays behind until all of it is written: by the status's term whoever goes on with the move knows
		// whom it replaced.
		return err
	}
	if plan.Record != nil && p.o.Program == nil && p.r.crowded() {
		p.m.behind, p.m.untold = time.Millisecond, changes(plan.Events)
		return err
	}
	told := p.writeStatus(ctx, plan.Status)
	if told == nil { // whatever else could not be written
		told = p.answer(ctx, plan.Answered)
	}
	err = errors.Join(err, told)
	p.catchUp()
	p.tell(plan.Events)
	if waits {
		p.m.behind = serviceAgain
	}
	return err
}

func (p *pass) writeLease(ctx context.Context, plan Plan) error {
	var lease *coordinationv1.Lease
	var err error
	switch {
	case plan.Create:
		lease = kube.NewLease(p.o.Namespace, p.o.Name, term.EmptyDuration, p.now)
		err = p.create(ctx, leaseKey, lease)
	case plan.Record != nil:
		lease = leaseWith(p.o.Lease, *plan.Record, p.now)
		err = p.put(ctx, leaseKey, lease)
	case plan.Successor != nil:
		lease = leaseNaming(p.o.Lease, *plan.Successor)
		err = p.put(ctx, leaseKey, lease)
	default:
		if p.o.Lease != nil {
			p.lease = p.o.Lease.ResourceVersion
		}
		return nil
	}
	if err != nil {
		return err
	}
	p.lease, p.m.leaseWritten = lease.ResourceVersion, lease.ResourceVersion
	switch {
	case plan.Successor != nil:
		log.FromContext(ctx).Info("The Lease names a successor", "successor", *plan.Successor, "term", p.o.Record.Term())
		p.named(*plan.Successor)
	case plan.Record == nil:
	case !plan.Record.Held() && !p.o.Record.Held():
		log.FromContext(ctx).V(1).Info("The Lease's term was raised", "term", plan.Record.Term())
	default:
		log.FromContext(ctx).Info("The Lease changed hands", "leader", plan.Record.Holder.Identity, "term", plan.Record.Term())
		moves.WithLabelValues(moveOf(plan)).Inc()
		if plan.Replaced != nil {
			p.m.unmarked[plan.Replaced.UID] = plan.Record.Term()
		}
	}
	return nil
}

// named notes whom this process named as successor. Who is named no more, although it had time left, has not declined.
func (p *pass) named(successor string) {
	_, requested := p.o.requested()
	switch {
	case successor != "":
		p.m.ask.note(successor, p.o.Record.Term(), p.now)
	case !requested && !p.o.unanswered():
		p.m.ask = ask{}
	}
}

// catchUp tells what was left for later.
func (p *pass) catchUp() {
	untold := p.m.untold
	p.m.behind, p.m.untold = 0, nil
	p.tell(untold)
}

// changes are the events that the next decision does not know of: the others it plans again.
func changes(events []Event) []Event {
	return slices.DeleteFunc(slices.Clone(events), func(e Event) bool {
		return e.Reason != EventLeaderElected && e.Reason != EventLeaderLost
	})
}

// headStart is how long the writes of slices have the API server to themselves. Traffic waits for them; roles written
// at the same moment make them half as slow again on a busy server. A slice that takes longer holds up no role.
const headStart = 10 * time.Millisecond

// publish writes slices and then, or side by side with slow ones, roles.
func (p *pass) publish(ctx context.Context, plan Plan) error {
	var slices sync.WaitGroup
	errs := make([]error, len(plan.Slices))
	for i := range plan.Slices {
		slices.Go(func() { errs[i] = p.writeSlice(ctx, &plan.Slices[i]) })
	}
	written := make(chan struct{})
	go func() { slices.Wait(); close(written) }()
	select {
	case <-written:
	case <-time.After(headStart):
	}
	err := p.writeRoles(ctx, plan)
	<-written
	return errors.Join(errors.Join(errs...), err)
}

// The API server creates Services one after the other, as each takes an address, and takes seconds for each when many are
// wanted. Workers that wait for that are missing where leaders are lost.
const (
	// creators is how many workers may wait at once for a Service to be created; more would not hasten it.
	creators = 2
	// serviceAgain is when a pool that found them busy tries again.
	serviceAgain = time.Second
)

// writeService says whether it left a Service for later. All else of the pool can be written without it.
func (p *pass) writeService(ctx context.Context, s *corev1.Service) (waits bool, err error) {
	switch {
	case s == nil:
		return false, nil
	case s.ResourceVersion != "":
		return false, p.put(ctx, serviceKey, s)
	}
	defer p.r.creating.Add(-1)
	if p.r.creating.Add(1) > creators {
		return true, nil
	}
	return false, p.create(ctx, serviceKey, s)
}

// writeSlice replaces a slice. A new one is first created empty, as a Lease is: a late creation can then publish
// nobody. Before the first term is written on it the Lease is read: the version of a slice without term does not tell
// whether the leader has changed since, and a slice of a larger term may have been deleted. Whoever moves the leader after
// that read finds the slice, and of two who write on one version of it one fails.
func (p *pass) writeSlice(ctx context.Context, s *discoveryv1.EndpointSlice) error {
	key := sliceKey(s.Name)
	if s.ResourceVersion == "" {
		empty := s.DeepCopy()
		empty.Endpoints, empty.Ports, empty.ManagedFields = nil, nil, nil
		delete(empty.Annotations, v1alpha1.TermAnnotation)
		if err := p.create(ctx, key, empty); err != nil {
			return err
		}
		s.UID, s.ResourceVersion = empty.UID, empty.ResourceVersion
	}
	if !p.o.hasTerm(s.Name) {
		if err := p.confirmLease(ctx, kube.Term(s.Annotations[v1alpha1.TermAnnotation])); err != nil {
			return err
		}
	}
	return p.put(ctx, key, s)
}

// confirmLease fails unless the Lease is still as this pass judged or wrote it when it came to term t.
func (p *pass) confirmLease(ctx context.Context, t term.Number) error {
	if p.o.Program != nil {
		if err := p.confirmProgram(ctx); err != nil || p.o.participates() {
			return err // the Lease that the members write bears their term
		}
		return p.confirmPolicy(ctx, t)
	}
	key := types.NamespacedName{Namespace: p.o.Namespace, Name: p.o.Name}
	l, found, err := get(ctx, p.r.Live, key, &coordinationv1.Lease{})
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errStale, err)
	case !found || l.ResourceVersion != p.lease:
		return fmt.Errorf("%w: the Lease has changed", errStale)
	case p.o.Ours && p.o.heldByStranger(): // its holder may have led, in mode observe, with a term above the Lease's
		return p.confirmPolicy(ctx, t)
	}
	return nil
}

// hasTerm says whether a slice was seen to bear a term.
func (o *Observed) hasTerm(slice string) bool {
	for i := range o.Slices {
		if o.Slices[i].Name == slice {
			return kube.Term(o.Slices[i].Annotations[v1alpha1.TermAnnotation]).Valid()
		}
	}
	return false
}

// remove deletes exactly the objects that were seen.
func (p *pass) remove(ctx context.Context, plan Plan) error {
	var objects []client.Object
	for i := range plan.RemoveSlices {
		objects = append(objects, &plan.RemoveSlices[i])
	}
	for i := range plan.RemoveServices {
		objects = append(objects, &plan.RemoveServices[i])
	}
	var errs []error
	for _, o := range objects {
		uid, version := o.GetUID(), o.GetResourceVersion()
		err := p.bounded(ctx, func(ctx context.Context) error {
			return p.r.Client.Delete(ctx, o, client.Preconditions{UID: &uid, ResourceVersion: &version})
		})
		switch {
		case err == nil || apierrors.IsNotFound(err):
		case apierrors.IsConflict(err):
			errs = append(errs, fmt.Errorf("%w: delete %T %s: %w", errStale, o, o.GetName(), err))
		default:
			errs = append(errs, fmt.Errorf("delete %T %s: %w", o, o.GetName(), err))
		}
	}
	return errors.Join(errs...)
}

func (p *pass) writeStatus(ctx context.Context, s *v1alpha1.LeaderPolicyStatus) error {
	if s == nil {
		return nil
	}
	policy := p.o.Policy.DeepCopy()
	policy.Status = *s
	err := p.bounded(ctx, func(ctx context.Context) error { return p.r.Client.Status().Update(ctx, policy) })
	return p.settled(ctx, policyKey, policy, err)
}

// tell emits events; those about a member only once.
func (p *pass) tell(events []Event) {
	for _, e := range events {
		if e.Member == nil && p.o.Policy == nil {
			continue // it is gone, and nobody looks for its events
		}
		if e.Member == nil {
			p.r.Recorder.Eventf(p.o.Policy, nil, e.Type, e.Reason, e.Reason, "%s", e.Note)
			continue
		}
		if !p.m.tell(e) {
			continue
		}
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: p.o.Namespace, Name: e.Member.Name, UID: e.Member.UID}}
		p.r.Recorder.Eventf(pod, nil, e.Type, e.Reason, e.Reason, "%s", e.Note)
	}
}
