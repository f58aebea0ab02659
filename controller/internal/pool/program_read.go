package pool

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// programKey is the key of the program's Lease in a memory, where it is not the one of the pool's name.
const programKey = "program"

// programOf returns the name of the Lease that the processes in the pods write, "" where zen-lead does.
func programOf(p *v1alpha1.LeaderPolicy) string {
	if p.Spec.Mode == v1alpha1.ModeParticipant {
		return p.Name
	}
	return p.Observes()
}

// observeProgram reads the Lease that the processes in the pods write, where they do. The pool's own was read before.
func (r *Reconciler) observeProgram(ctx context.Context, key types.NamespacedName, m *memory, now time.Time, o *Observed) error {
	name := ""
	if o.Policy != nil {
		name = programOf(o.Policy)
	}
	if recent, ok := m.recent[programKey]; ok && recent.object.GetName() != name {
		m.forget(programKey)
	}
	if name == "" {
		m.sighted = nil
		return nil
	}
	if m.sightedOn != name {
		m.sightedOn, m.sighted = name, nil // versions of another Lease say nothing of this one
	}
	o.Program = &program{name: name, sighted: m.sighted}
	if name == key.Name {
		return r.setProgram(o.Lease, now, o)
	}
	l, found, err := get(ctx, r.Client, types.NamespacedName{Namespace: key.Namespace, Name: name}, &coordinationv1.Lease{})
	if err != nil {
		return err
	}
	if l, found = newest(m, programKey, l, found, now); !found {
		return nil
	}
	return r.setProgram(l, now, o)
}

func (r *Reconciler) setProgram(l *coordinationv1.Lease, now time.Time, o *Observed) (err error) {
	p := o.Program
	if p.lease = l; l == nil {
		return nil
	}
	if p.record, _, err = kube.RecordOf(l); err != nil {
		return err
	}
	known := r.renewals.see(client.ObjectKeyFromObject(l), p.record, now, o.marked)
	p.unchangedFor, p.late, p.changed, p.alive = known.unchangedFor, known.late, known.changed, known.alive
	if o.participates() {
		o.Unmarked = append(o.Unmarked, known.replaced...)
	}
	return nil
}

// marked says whether a pod was written with term t or a later one, or is no member any more.
func (o *Observed) marked(uid types.UID, t term.Number) bool {
	i := slices.IndexFunc(o.Members, func(m Member) bool { return m.UID == uid })
	return i < 0 || o.Members[i].Role.Term >= t
}

// observeProgramLive reads the program's Lease from the API server, after everything else was read, and then the pool's own,
// which bears every term that was published before. What runs by then is sighted.
func (r *Reconciler) observeProgramLive(ctx context.Context, key types.NamespacedName, m *memory, now time.Time, o *Observed) error {
	memoryKey := programKey
	if o.Program.name == key.Name {
		memoryKey = leaseKey
	}
	l, found, err := get(ctx, r.Live, types.NamespacedName{Namespace: key.Namespace, Name: o.Program.name}, &coordinationv1.Lease{})
	if err != nil {
		return err
	}
	if !found {
		l = nil
		m.forget(memoryKey)
	} else {
		m.remember(memoryKey, l, now)
	}
	switch {
	case memoryKey != leaseKey:
		err = r.observeLive(ctx, key, m, now, o)
	case found:
		err = o.setLease(l, m, now)
	default:
		o.Lease = nil
	}
	if err != nil {
		return err
	}
	o.Live = true
	if memoryKey == leaseKey {
		o.rereads++
		o.Verified = nil // those were read before this record
	}
	o.Program = &program{name: o.Program.name}
	if err := r.setProgram(l, now, o); err != nil {
		return err
	}
	for i := range o.Members {
		if _, sighted := m.sighted[o.Members[i].UID]; o.Members[i].Running && !sighted {
			if m.sighted == nil {
				m.sighted = map[types.UID]int64{}
			}
			m.sighted[o.Members[i].UID] = o.Program.record.Version
		}
	}
	o.Program.sighted = maps.Clone(m.sighted)
	return r.observePlace(ctx, key, now, o, false)
}

// confirmProgram fails unless the program's Lease names whom this pass judged it to name, and the pool's own is as it judged
// or wrote it: a replica that elects, for a policy of before or after, may have begun a larger term.
func (p *pass) confirmProgram(ctx context.Context) error {
	key := types.NamespacedName{Namespace: p.o.Namespace, Name: p.o.Program.name}
	l, found, err := get(ctx, p.r.Live, key, &coordinationv1.Lease{})
	if err != nil {
		return fmt.Errorf("%w: %w", errStale, err)
	}
	if found != (p.o.Program.lease != nil) {
		return fmt.Errorf("%w: Lease %s", errStale, key.Name)
	}
	if found {
		is, _, err := kube.RecordOf(l)
		if was := p.o.Program.record; err != nil || is.Holder != was.Holder || is.Term() != was.Term() || is.Transitions != was.Transitions {
			return fmt.Errorf("%w: Lease %s has another holder", errStale, key.Name)
		}
	}
	if p.o.Program.name == p.o.Name {
		return nil
	}
	return p.confirmOwn(ctx)
}

// confirmOwn fails where the pool's own Lease, if it has one that bears terms, is another than this pass judged or wrote.
func (p *pass) confirmOwn(ctx context.Context) error {
	key := types.NamespacedName{Namespace: p.o.Namespace, Name: p.o.Name}
	l, found, err := get(ctx, p.r.Live, key, &coordinationv1.Lease{})
	if err != nil {
		return fmt.Errorf("%w: %w", errStale, err)
	}
	if _, bears := l.Annotations[v1alpha1.TermBaseAnnotation]; found && bears && l.ResourceVersion != p.lease {
		return fmt.Errorf("%w: Lease %s has changed", errStale, key.Name)
	}
	return nil
}

// confirmPolicy fails where the policy that this pass judged is gone, or says of a term above t. With a policy the slices go
// that bore its terms, which may have stood nowhere else: whoever is told late of that would begin one of them again.
func (p *pass) confirmPolicy(ctx context.Context, t term.Number) error {
	key := types.NamespacedName{Namespace: p.o.Namespace, Name: p.o.Name}
	is, found, err := get(ctx, p.r.Live, key, &v1alpha1.LeaderPolicy{})
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errStale, err)
	case !found || is.UID != p.o.Policy.UID:
		return fmt.Errorf("%w: the policy is gone", errStale)
	case believed(term.Number(is.Status.Term), mostOfStatus) > t:
		return fmt.Errorf("%w: another replica began term %d", errStale, is.Status.Term)
	}
	return nil
}

// policiesObserving finds the pools whose program elects itself on a Lease.
func (r *Reconciler) policiesObserving(ctx context.Context, lease client.Object) (found []reconcile.Request) {
	var policies v1alpha1.LeaderPolicyList
	if err := r.Client.List(ctx, &policies, client.InNamespace(lease.GetNamespace()), client.MatchingFields{indexLease: lease.GetName()}); err != nil {
		return nil
	}
	for i := range policies.Items {
		found = append(found, requests(policies.Items[i].Namespace, policies.Items[i].Name)...)
	}
	return found
}
