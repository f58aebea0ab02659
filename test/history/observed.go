package history

import (
	"slices"
	"strings"
)

// observe keeps which Leases a pool observed.
func (p *pool) observe(e Event) {
	if l := (object{KindLease, e.Namespace, e.Policy.Observes}); e.Policy.Observes != "" && !slices.Contains(p.observed, l) {
		p.observed = append(p.observed, l)
	}
}

// holder keeps whom a Lease named.
func (c *checker) holder(e Event) {
	if c.holders[e.object()] == nil {
		c.holders[e.object()] = map[string]bool{}
	}
	c.holders[e.object()][e.Lease.Holder] = true
}

// follows says whether a pod may be published as leader with a term: the pool's Lease named it with that. Of a term that the
// Lease did not give, in a pool that ever observed a program's, only this is judged: the program's Lease has named the pod.
// It has no terms.
func (c *checker) follows(p *pool, term int64, identity string, pod Target) bool {
	if !p.judgeable(term) || p.namedWith(term, identity, pod.UID) {
		return true
	}
	ours := func(g grant) bool { return g.uid != "" }
	return term != 0 && !slices.ContainsFunc(p.grants[term], ours) && c.wasNamed(p, pod)
}

func (c *checker) wasNamed(p *pool, pod Target) bool {
	for _, l := range p.observed {
		for holder := range c.holders[l] {
			name, _, _ := strings.Cut(holder, "_")
			if name == pod.Name || holder == pod.Name+"-"+pod.UID {
				return true
			}
		}
	}
	return false
}
