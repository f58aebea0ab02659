package snapshot

import (
	"sync"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// Feed publishes on a board what watches tell. Its zero value knows nothing.
type Feed struct {
	Board Board

	mu    sync.Mutex
	pools map[types.NamespacedName]*facts
	pods  map[string]*podFacts // by UID
	// parted are the leaders whose pods are gone, by pool: they are told of as they were until somebody else leads, which comes at once. Two
	// events would have all followers told twice.
	parted map[types.NamespacedName]string
}

// Handler hears of one kind of object: LeaderPolicies, Leases and pods.
func (f *Feed) Handler() toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc:    f.is,
		UpdateFunc: func(_, o any) { f.is(o) },
		DeleteFunc: func(o any) {
			if d, ok := o.(toolscache.DeletedFinalStateUnknown); ok {
				o = d.Obj
			}
			f.isGone(o)
		},
	}
}

// is notes an object as it is now.
func (f *Feed) is(o any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch o := o.(type) {
	case *v1alpha1.LeaderPolicy:
		f.isPolicy(keyOf(o), policyOf(o), o)
	case *coordinationv1.Lease:
		if l := leaseOf(o); l != nil || f.pools[keyOf(o)] != nil {
			f.isLease(keyOf(o), l, o)
		}
	case *corev1.Pod:
		f.isPod(string(o.UID), podOf(o))
	}
}

// isGone notes that an object, as it was last, is no more.
func (f *Feed) isGone(o any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch o := o.(type) {
	case *v1alpha1.LeaderPolicy:
		f.isPolicy(keyOf(o), nil, o)
	case *coordinationv1.Lease:
		if f.pools[keyOf(o)] != nil {
			f.isLease(keyOf(o), nil, o)
		}
	case *corev1.Pod:
		f.isPod(string(o.UID), nil)
	}
}

func (f *Feed) isPolicy(pool types.NamespacedName, p *policyFacts, o *v1alpha1.LeaderPolicy) {
	k := f.of(pool)
	if k.policy != nil && p != nil && p.uid != k.policy.uid { // it was made again while the watch was away
		k.policy = nil
		f.tell(pool)
		k = f.of(pool)
	}
	k.policy = p
	k.heard.Policy = max(k.heard.Policy, version(o.ResourceVersion))
	f.tell(pool)
}

func (f *Feed) isLease(pool types.NamespacedName, l *leaseFacts, o *coordinationv1.Lease) {
	k := f.of(pool)
	k.lease = l
	k.heard.Lease = max(k.heard.Lease, version(o.ResourceVersion))
	if l != nil && !l.record.Held() {
		k.released = max(k.released, int64(l.record.Term()))
	}
	f.tell(pool)
}

func (f *Feed) isPod(uid string, p *podFacts) {
	was := f.pods[uid]
	switch {
	case p == nil && was == nil:
		return
	case p == nil && f.leads(uid, was.pool):
		if f.parted == nil {
			f.parted = map[types.NamespacedName]string{}
		}
		f.parted[was.pool] = uid
		return
	case p == nil:
		delete(f.pods, uid)
	default:
		if f.pods == nil {
			f.pods = map[string]*podFacts{}
		}
		f.pods[uid] = p
		if f.parted[p.pool] == uid { // the watch had lost sight of it
			delete(f.parted, p.pool)
		}
	}
	if was != nil && (p == nil || p.pool != was.pool) {
		f.tell(was.pool)
	}
	if p != nil && (was == nil || p.pool != was.pool || p.leader != was.leader || p.identity != was.identity) {
		f.tell(p.pool)
	}
}

// of returns what is known of a pool.
func (f *Feed) of(pool types.NamespacedName) *facts {
	if f.pools == nil {
		f.pools = map[types.NamespacedName]*facts{}
	}
	k := f.pools[pool]
	if k == nil {
		k = &facts{}
		f.pools[pool] = k
	}
	return k
}

// tell publishes what is known of a pool.
func (f *Feed) tell(pool types.NamespacedName) {
	k := f.pools[pool]
	switch {
	case k == nil:
	case k.policy == nil:
		if k.lease == nil {
			delete(f.pools, pool)
		}
		f.Board.withdraw(pool)
	default:
		f.Board.publish(k.stateOf(func(uid string) *podFacts { return f.pods[uid] }))
	}
	if uid, ok := f.parted[pool]; ok && !f.leads(uid, pool) {
		delete(f.pods, uid)
		delete(f.parted, pool)
	}
}

// leads says whether a pod is published as the leader of a pool.
func (f *Feed) leads(uid string, pool types.NamespacedName) bool {
	n := f.Board.Newest(pool)
	return n != nil && n.State.Leader.UID == uid
}

func keyOf(o interface {
	GetNamespace() string
	GetName() string
}) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}
