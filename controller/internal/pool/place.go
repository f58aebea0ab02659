package pool

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/controller/internal/node"
)

// place is where the pod runs that a record names, or ran, if it is gone.
type place struct {
	pod string
	// off: the node is vouched to be off. taintedFor is for how long this process has seen the taint without a break, 0 where it is
	// not there, by its own monotonic clock.
	off        bool
	taintedFor time.Duration
}

// places remembers, for each pool whose members contend, the place of its holder. A pod never changes its node, so that what was
// seen of one stays true when it is gone: the garbage collector of pods deletes those of a node out of service at once.
type places struct {
	mu   sync.Mutex
	pool map[types.NamespacedName]seenPlace
}

type seenPlace struct {
	uid       types.UID
	pod, node string
	// nodeUID is that of the node as it was first seen, "" where it was not.
	nodeUID types.UID
	// tainted is since when its node was seen with the taint, zero while it has none.
	tainted time.Time
}

// see notes the holder, nil where it is no member, and returns where the pod of that UID runs or ran; ok is false where this
// process has never seen it.
func (p *places) see(key types.NamespacedName, uid types.UID, holder *Member) (is seenPlace, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	is = p.pool[key]
	switch known := is.uid == uid && uid != ""; {
	case known:
		return is, true
	case holder == nil || holder.Node == "":
		delete(p.pool, key)
		return seenPlace{}, false
	}
	if p.pool == nil {
		p.pool = map[types.NamespacedName]seenPlace{}
	}
	is = seenPlace{uid: holder.UID, pod: holder.Name, node: holder.Node}
	p.pool[key] = is
	return is, true
}

// look notes what the holder's node says, nil where there is none, and returns the place. A node that was made anew is another
// machine, for all that anybody knows: what is said of it says nothing of the one where the pod ran.
func (p *places) look(key types.NamespacedName, n *corev1.Node, now time.Time) *place {
	p.mu.Lock()
	defer p.mu.Unlock()
	is := p.pool[key]
	if n != nil && is.nodeUID == "" {
		is.nodeUID = n.UID
	}
	switch {
	case n == nil || n.UID != is.nodeUID || node.StandingOf(n) != node.OutOfService:
		is.tainted = time.Time{}
	case is.tainted.IsZero():
		is.tainted = now
	}
	p.pool[key] = is
	if is.tainted.IsZero() {
		return &place{pod: is.pod}
	}
	return &place{pod: is.pod, off: node.Off(n), taintedFor: now.Sub(is.tainted)}
}

// on returns the pools whose holders run on a node, or ran.
func (p *places) on(node string) (found []types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, is := range p.pool {
		if is.node == node {
			found = append(found, key)
		}
	}
	return found
}

func (p *places) forget(key types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pool, key)
}

// observePlace finds out where the pod runs, or ran, that the record names, and what its node says, as the cache has it, or live.
func (r *Reconciler) observePlace(ctx context.Context, key types.NamespacedName, now time.Time, o *Observed, live bool) error {
	o.Place = nil
	if r.NoNodes || !o.participates() || o.Lease == nil || o.namedUID() == "" {
		r.places.forget(key)
		return nil
	}
	is, ok := r.places.see(key, types.UID(o.namedUID()), o.holdingMember())
	if !ok {
		return nil
	}
	nodes := client.Reader(r.Client)
	if live {
		nodes = r.Live
	}
	n, found, err := get(ctx, nodes, types.NamespacedName{Name: is.node}, &corev1.Node{})
	if err != nil {
		return fmt.Errorf("node of pod %s: %w", is.pod, err)
	}
	if !found {
		n = nil
	}
	o.Place = r.places.look(key, n, now)
	return nil
}
