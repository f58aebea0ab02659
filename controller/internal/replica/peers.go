package replica

import (
	"maps"
	"slices"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
)

// peers is what this process saw of the replicas' Leases.
type peers struct {
	mu   sync.Mutex
	seen map[string]sighting // by the Lease's name
}

// sighting is one Lease as it was last seen.
type sighting struct {
	lease *coordinationv1.Lease
	// since is when this version was first seen, by this process's monotonic clock.
	since time.Time
	// changed: it was seen to become so. A Lease that was there at the start may be a dead replica's.
	changed bool
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
}

func (p *peers) gone(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.seen, name)
}

// live returns the names of the Leases that were seen to change within their duration.
func (p *peers) live(now time.Time) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for name, s := range p.seen {
		// Not longer than ours, whatever a Lease says: a dead replica's pools wait for that long.
		if s.changed && now.Sub(s.since) <= min(durationOf(s.lease), duration) {
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
		if s := p.seen[name]; now.Sub(s.since) > after {
			leases = append(leases, s.lease)
		}
	}
	return leases
}
