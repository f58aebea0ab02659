package testserver

import (
	"slices"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// Grants lists who has held a lock, in order.
func (l *Locks) Grants(namespace, name string) []Grant {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Grant
	for _, g := range l.of(namespace, name).grants {
		all = append(all, *g)
	}
	return all
}

// Waiting is how many wait for a lock.
func (l *Locks) Waiting(namespace, name string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.of(namespace, name).queue)
}

// Acquires are all wishes so far.
func (l *Locks) Acquires() []*zenleadv1.AcquireRequest {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.acquires)
}

// Renewals are all requests to renew so far.
func (l *Locks) Renewals() [][]*zenleadv1.Renewal {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.renewals)
}

// Releases are all requests to release so far.
func (l *Locks) Releases() []*zenleadv1.Holding {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.releases)
}

// Take takes a lock from its holder.
func (l *Locks) Take(namespace, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := l.of(namespace, name); k.holder != nil {
		l.end(k)
	}
}

// Refuse answers all renewals of a lock's holder with a reason from now on; "" makes them good again.
func (l *Locks) Refuse(namespace, name, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.of(namespace, name).refusal = reason
}
