package pool

import (
	"maps"
	"slices"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// renewals remembers when this process saw the Leases of programs change. Renewals have no pool decided anew; from here the
// next decision, which comes when a Lease should have expired, knows of them.
type renewals struct {
	mu     sync.Mutex
	leases map[types.NamespacedName]*renewal
}

type renewal struct {
	// record is the newest that is known.
	record term.Record
	// changed is the version in which holder or renewal last changed, and since when this process first knew of that, by its own
	// monotonic clock. Other writes (a label, the name of a successor) are no sign of the holder's life.
	changed int64
	since   time.Time
	// alive: this process saw it change.
	alive bool
	// late is how long the holder took over it, by its own clock, where that is longer than it promised.
	late time.Duration
	// awaited: a decision would turn out otherwise with the next renewal.
	awaited bool
	// named is the pod that was named last; replaced are those before, with the term that replaced them.
	named    types.UID
	replaced map[types.UID]term.Number
}

// seen is what a decision may know of a renewal.
type seen struct {
	unchangedFor, late time.Duration
	changed            int64
	alive              bool
	replaced           []types.UID
}

// see notes a record that a decision looks at, and tells what this process knows of it. marked says whether a pod needs no mark of
// the term that replaced it any more.
func (r *renewals) see(key types.NamespacedName, record term.Record, now time.Time, marked func(types.UID, term.Number) bool) seen {
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
	l.note(record, now)
	maps.DeleteFunc(l.replaced, marked)
	return seen{
		unchangedFor: now.Sub(l.since), late: l.late, changed: l.changed, alive: l.alive, replaced: slices.Sorted(maps.Keys(l.replaced)),
	}
}

// note takes over a record, if it is newer. It says whether the holder, or another, gave a sign of life.
func (l *renewal) note(record term.Record, now time.Time) (changed bool) {
	last := l.record
	if record.Version <= last.Version {
		return false
	}
	l.record = record
	uid := types.UID(record.Holder.UID)
	if uid != "" && l.named != "" && uid != l.named {
		if l.replaced == nil {
			l.replaced = map[types.UID]term.Number{}
		}
		l.replaced[l.named] = record.Term()
	}
	if uid != "" {
		l.named = uid
	}
	first := last.Version == 0
	if !first && record.SameTenure(last) {
		return false
	}
	l.changed, l.since, l.late, l.alive = record.Version, now, 0, !first
	return true
}

// await has the next renewal decided upon. It says whether version is still the newest that is known.
func (r *renewals) await(key types.NamespacedName, version int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.leases[key]
	if l == nil || l.record.Version > version {
		return false
	}
	l.awaited = true
	return true
}

// renewed notes that a Lease was written, and says whether that is a renewal that was awaited.
func (r *renewals) renewed(before, after *coordinationv1.Lease, now time.Time) (awaited bool) {
	record, _, err := kube.RecordOf(after)
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.leases[client.ObjectKeyFromObject(after)]
	if l == nil || err != nil || record.Version < l.record.Version {
		return false // nobody looks at it, or a decision has looked past this already
	}
	if !l.note(record, now) && record.Version != l.changed {
		return false
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
	r, _, err := kube.RecordOf(before)
	if took := a.RenewTime.Sub(b.RenewTime.Time); err == nil && took > r.Lasts() {
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
