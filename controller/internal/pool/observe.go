package pool

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
)

// Keys of what a memory holds, beside the names of slices.
const (
	policyKey  = "policy"
	leaseKey   = "lease"
	serviceKey = "service"
)

func sliceKey(name string) string { return "slice/" + name }

// observe reads everything about a pool, once, from the cache and from what this process wrote since.
func (r *Reconciler) observe(ctx context.Context, key types.NamespacedName, m *memory, now time.Time) (Observed, error) {
	o := Observed{Namespace: key.Namespace, Name: key.Name, Drowsy: r.pulse.drowsy(now), NoNodes: r.NoNodes, Stuck: m.stepDowns >= failuresInARow}
	for _, read := range []func(context.Context, types.NamespacedName, *memory, time.Time, *Observed) error{
		r.observePolicy, r.observeMembers, r.observeLease, r.observeProgram, r.observeServices, r.observeSlices,
	} {
		if err := read(ctx, key, m, now, &o); err != nil {
			return o, err
		}
	}
	o.note(m, now)
	return o, r.observePlace(ctx, key, now, &o, false)
}

// note puts into members what was seen of them before. Whom its identity keeps from being elected is no candidate.
func (o *Observed) note(m *memory, now time.Time) {
	named := o.identified()
	for i := range o.Members {
		member := named.Members[i]
		m.past.note(&member, now)
		o.Members[i].StandingFor, o.Members[i].CandidateFor = member.StandingFor, member.CandidateFor
	}
}

// reads says whether the plan is only to read more.
func (p *Plan) reads() bool { return p.Reread || p.RereadPolicy || len(p.Verify) > 0 }

// read reads from the API server what a plan asks for.
func (r *Reconciler) read(ctx context.Context, key types.NamespacedName, plan Plan, m *memory, now time.Time, o *Observed) error {
	switch {
	case plan.Reread && o.Program != nil:
		return r.observeProgramLive(ctx, key, m, now, o)
	case plan.Reread:
		return r.observeLive(ctx, key, m, now, o)
	case plan.RereadPolicy:
		return r.observePolicyLive(ctx, key, m, now, o)
	default:
		return r.observePodsLive(ctx, key, plan.Verify, m, now, o)
	}
}

func (r *Reconciler) observePolicy(ctx context.Context, key types.NamespacedName, m *memory, now time.Time, o *Observed) error {
	p, found, err := get(ctx, r.Client, key, &v1alpha1.LeaderPolicy{})
	if err != nil {
		return err
	}
	if p, found = newest(m, policyKey, p, found, now); found && p.DeletionTimestamp == nil {
		o.Policy = p
	}
	return nil
}

// observePolicyLive reads the policy from the API server, after everything else was read.
func (r *Reconciler) observePolicyLive(ctx context.Context, key types.NamespacedName, m *memory, now time.Time, o *Observed) error {
	p, found, err := get(ctx, r.Live, key, &v1alpha1.LeaderPolicy{})
	if err != nil {
		return err
	}
	o.PolicyLive = true
	switch {
	case !found || p.DeletionTimestamp != nil:
		o.Policy = nil
		return nil
	case o.Policy != nil && sameWishes(p, o.Policy):
		return nil
	}
	m.remember(policyKey, p, now)
	return fmt.Errorf("%w: the watch of policies lags behind", errStale) // the next pass observes everything for it
}

func (r *Reconciler) observeMembers(ctx context.Context, key types.NamespacedName, m *memory, now time.Time, o *Observed) error {
	var pods corev1.PodList
	// The pods are only read, so they need not be copied out of the cache.
	err := r.Client.List(ctx, &pods, client.InNamespace(key.Namespace), client.MatchingFields{indexPool: key.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return fmt.Errorf("list members: %w", err)
	}
	for i := range pods.Items {
		p := &pods.Items[i]
		member, err := r.member(ctx, p, m, now)
		if err != nil {
			return err
		}
		o.Members = append(o.Members, member)
	}
	sortByAge(o.Members)
	m.prune(o.Members)
	o.Unmarked = slices.Collect(maps.Keys(m.unmarked))
	return nil
}

// member joins a pod with what this process remembers of it and knows of its node.
func (r *Reconciler) member(ctx context.Context, p *corev1.Pod, m *memory, now time.Time) (Member, error) {
	member := MemberOf(p)
	member.Role, member.Declined = m.newestRole(p.UID, p.ResourceVersion, member.Role, now), m.declined[p.UID]
	if err := r.observeNode(ctx, &member, false); err != nil {
		return member, err
	}
	return member, nil
}

func (r *Reconciler) observeLease(ctx context.Context, key types.NamespacedName, m *memory, now time.Time, o *Observed) error {
	l, found, err := get(ctx, r.Client, key, &coordinationv1.Lease{})
	if err != nil {
		return err
	}
	if l, found = newest(m, leaseKey, l, found, now); !found {
		return nil
	}
	return o.setLease(l, m, now)
}

func (o *Observed) setLease(l *coordinationv1.Lease, m *memory, now time.Time) (err error) {
	o.Lease = l
	o.OwnRecord = l.ResourceVersion == m.leaseWritten
	o.Confirmed = l.ResourceVersion == m.leaseConfirmed
	o.LeaseUnchangedFor = m.leaseUnchangedFor(l.ResourceVersion, now)
	if o.Record, o.Ours, err = kube.RecordOf(l); err != nil {
		return err
	}
	m.past.look(o, now)
	m.past.tell(o, now)
	m.hear(o, now)
	return nil
}

// observeLive reads the Lease from the API server, after everything else was read.
func (r *Reconciler) observeLive(ctx context.Context, key types.NamespacedName, m *memory, now time.Time, o *Observed) error {
	l, found, err := get(ctx, r.Live, key, &coordinationv1.Lease{})
	if err != nil {
		return err
	}
	o.Verified = nil // those were read before this record
	o.rereads++
	if o.Live = true; !found {
		m.forget(leaseKey)
		o.Lease = nil
		return nil
	}
	m.remember(leaseKey, l, now)
	m.leaseConfirmed = l.ResourceVersion
	return o.setLease(l, m, now)
}

func (r *Reconciler) observeServices(ctx context.Context, key types.NamespacedName, m *memory, now time.Time, o *Observed) error {
	var ours corev1.ServiceList
	if err := r.Client.List(ctx, &ours, client.InNamespace(key.Namespace), client.MatchingFields{indexPool: key.Name}); err != nil {
		return fmt.Errorf("list services: %w", err)
	}
	wanted := ""
	if o.Policy != nil {
		wanted = o.Policy.ServiceName()
	}
	for _, s := range ours.Items {
		if s.Name != wanted && s.DeletionTimestamp == nil && owned(&s, key.Name) {
			o.Outdated = append(o.Outdated, s)
		}
	}
	if wanted == "" {
		m.forget(serviceKey)
		return nil
	}
	s, found, err := get(ctx, r.Client, types.NamespacedName{Namespace: key.Namespace, Name: wanted}, &corev1.Service{})
	if err != nil {
		return err
	}
	if s, found = newest(m, serviceKey, s, found, now); found && s.Name == wanted {
		o.Service = s
	}
	return nil
}

func (r *Reconciler) observeSlices(ctx context.Context, key types.NamespacedName, m *memory, now time.Time, o *Observed) error {
	var cached discoveryv1.EndpointSliceList
	if err := r.Client.List(ctx, &cached, client.InNamespace(key.Namespace), client.MatchingFields{indexPool: key.Name}); err != nil {
		return fmt.Errorf("list slices: %w", err)
	}
	seen := map[string]bool{}
	for i := range cached.Items {
		s, _ := newest(m, sliceKey(cached.Items[i].Name), &cached.Items[i], true, now)
		if seen[sliceKey(s.Name)] = true; owned(s, key.Name) {
			o.Slices = append(o.Slices, *s)
		}
	}
	for name, recent := range m.recent {
		s, ok := recent.object.(*discoveryv1.EndpointSlice)
		if !ok || seen[name] {
			continue
		}
		if s, ok = newest(m, name, s, false, now); ok && owned(s, key.Name) { // not in the cache yet
			o.Slices = append(o.Slices, *s)
		}
	}
	return nil
}

// get reads an object; found is false where there is none. A read from the API server is bounded as a write is.
func get[T client.Object](ctx context.Context, c client.Reader, key types.NamespacedName, o T) (_ T, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	switch err := c.Get(ctx, key, o); {
	case apierrors.IsNotFound(err):
		return o, false, nil
	case err != nil:
		return o, false, fmt.Errorf("get %T %s: %w", o, key, err)
	default:
		return o, true, nil
	}
}
