package replica

import (
	"maps"
	"slices"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// forgottenAfter is how long after its Lease a replica is forgotten: later than any lock that it kept lasts.
const forgottenAfter = 2 * time.Hour

// peers is what this process saw of the replicas' Leases.
type peers struct {
	mu   sync.Mutex
	seen map[string]sighting // by the Lease's name
	// asked is when somebody first asked for one that was never seen. It may have begun, and the watch has not brought that yet.
	asked map[string]time.Time
}

// sighting is one Lease as it was last seen.
type sighting struct {
	lease *coordinationv1.Lease
	// since is when this version was first seen, by this process's monotonic clock.
	since time.Time
	// changed: it was seen to become so. A Lease that was there at the start may be a dead replica's.
	changed bool
	// gone is since when it is not there any more; the zero time while it is.
	gone time.Time
}

// saw notes a Lease. initial says that it was there before anything was seen to change.
func (p *peers) saw(l *coordinationv1.Lease, initial bool, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s, ok := p.seen[l.Name]; ok && s.lease.ResourceVersion == l.ResourceVersion {
		return // a resync
	}
	if p.seen == nil {
		p.seen = map[string]sighting{}
	}
	p.seen[l.Name] = sighting{lease: l, since: now, changed: !initial}
	delete(p.asked, l.Name)
}

// gone notes that a Lease was deleted. When it last changed is remembered for as long as anybody may have been granted anything by it.
func (p *peers) gone(name string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s, ok := p.seen[name]; ok {
		s.gone = now
		p.seen[name] = s
	}
	maps.DeleteFunc(p.seen, func(_ string, s sighting) bool { return !s.gone.IsZero() && now.Sub(s.gone) > forgottenAfter })
	maps.DeleteFunc(p.asked, func(_ string, asked time.Time) bool { return now.Sub(asked) > forgottenAfter })
}

// lastChange is when a Lease was last seen to change, or could have.
func (p *peers) lastChange(name string, now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s, ok := p.seen[name]; ok {
		return s.since
	}
	asked, ok := p.asked[name]
	if !ok {
		if p.asked == nil {
			p.asked = map[string]time.Time{}
		}
		asked = now
		p.asked[name] = asked
	}
	return asked
}

// address is where a replica that is there is reached.
func (p *peers) address(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s, ok := p.seen[name]; ok && s.gone.IsZero() {
		return s.lease.Annotations[v1alpha1.AddressAnnotation]
	}
	return ""
}

// live returns the names of the Leases that were seen to change within their duration.
func (p *peers) live(now time.Time) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for name, s := range p.seen {
		// Not longer than ours, whatever a Lease says: a dead replica's pools wait for that long.
		if s.changed && s.gone.IsZero() && now.Sub(s.since) <= min(durationOf(s.lease), duration) {
			names = append(names, name)
		}
	}
	return names
}

func durationOf(l *coordinationv1.Lease) time.Duration {
	if d := l.Spec.LeaseDurationSeconds; d != nil {
		return time.Duration(*d) * time.Second
	}
	return 0
}

// abandoned returns the Leases that were not seen to change for a while.
func (p *peers) abandoned(after time.Duration, now time.Time) []*coordinationv1.Lease {
	p.mu.Lock()
	defer p.mu.Unlock()
	var leases []*coordinationv1.Lease
	for _, name := range slices.Sorted(maps.Keys(p.seen)) {
		if s := p.seen[name]; s.gone.IsZero() && now.Sub(s.since) > after {
			leases = append(leases, s.lease)
		}
	}
	return leases
}
