package pool

import (
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/kube"
)

// renewals remembers when this process saw the Leases of programs change. Renewals have no pool decided anew; from here the
// next decision, which comes when a Lease should have expired, knows of them.
type renewals struct {
	mu     sync.Mutex
	leases map[types.NamespacedName]*renewal
}

type renewal struct {
	version int64
	// since is when this process first knew of that version, by its own monotonic clock.
	since time.Time
	// late is how long the holder took over it, by its own clock, where that is longer than it promised.
	late time.Duration
	// awaited: a decision would turn out otherwise with the next renewal.
	awaited bool
}

// unchangedFor notes a version of a Lease that a decision looks at, and says how long this process has known of it, and
// whether its holder was late with it.
func (r *renewals) unchangedFor(key types.NamespacedName, version int64, now time.Time) (unchanged, late time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.leases == nil {
		r.leases = map[types.NamespacedName]*renewal{}
	}
	l := r.leases[key]
	if l == nil {
		l = &renewal{}
		r.leases[key] = l
	}
	if version > l.version {
		l.version, l.since, l.late = version, now, 0
	}
	return now.Sub(l.since), l.late
}

// await has the next renewal decided upon. It says whether version is still the newest that is known.
func (r *renewals) await(key types.NamespacedName, version int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.leases[key]
	if l == nil || l.version > version {
		return false
	}
	l.awaited = true
	return true
}

// renewed notes that a Lease was renewed, and says whether that was awaited.
func (r *renewals) renewed(before, after *coordinationv1.Lease, now time.Time) (awaited bool) {
	version, err := kube.Version(after.ResourceVersion)
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.leases[client.ObjectKeyFromObject(after)]
	if l == nil || err != nil || version < l.version {
		return false // nobody looks at it, or a decision has looked past this already
	}
	if version > l.version {
		l.version, l.since = version, now
	}
	l.late = late(before, after)
	awaited, l.awaited = l.awaited, false
	return awaited
}

// forget drops a Lease that is gone.
func (r *renewals) forget(key types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.leases, key)
}

// late compares two times that one holder wrote; 0 where it kept to its duration.
func late(before, after *coordinationv1.Lease) time.Duration {
	b, a := before.Spec, after.Spec
	if b.HolderIdentity == nil || a.HolderIdentity == nil || *b.HolderIdentity != *a.HolderIdentity || b.RenewTime == nil || a.RenewTime == nil {
		return 0
	}
	if took := a.RenewTime.Sub(b.RenewTime.Time); took > durationOf(before) {
		return took
	}
	return 0
}

// await sees to it that the pool is decided anew with the next renewal, where that may change something.
func (r *Reconciler) await(o *Observed, plan *Plan) {
	if !plan.awaits {
		return
	}
	if l := o.Program.lease; !r.renewals.await(client.ObjectKeyFromObject(l), o.Program.record.Version) {
		plan.After = retryAfter
	}
}
