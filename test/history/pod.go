package history

import (
	"cmp"
	"slices"
	"strings"
)

// member is a pod and the role that it carries.
type member struct {
	object
	uid  string
	pool *pool // that it is in now; nil: none
	Pod
	// rolePool is the pool whose role it carries: a pod that leaves keeps its role until somebody takes it off.
	rolePool *pool
	// exempt: the role was written by a test.
	exempt bool
	// highest is the largest term that was written on it since it came into the pool that it is in.
	highest int64
	// pools are all it was ever in.
	pools []*pool
}

func (m *member) identity() string { return cmp.Or(m.Identity, m.name) }

// leads says whether the pod is taken for the leader of the pool that it is in.
func (m *member) leads() bool {
	return !m.exempt && m.pool != nil && m.pool == m.rolePool && m.Role.leads()
}

func (m *member) candidate() bool {
	return m.Ready && !m.Terminating && !m.Ended && !m.Excluded
}

func (c *checker) pod(e Event) {
	m := c.pods[e.UID]
	if m == nil {
		m = &member{object: e.object(), uid: e.UID}
		c.pods[e.UID] = m
	}
	if e.Type == Deleted {
		delete(c.pods, e.UID)
		c.join(m, nil, e)
		return
	}
	var in *pool
	if e.Pool != "" {
		in = c.pool(e.Namespace, e.Pool)
	}
	wrote, changed := m.Role != e.Pod.Role, m.Term != e.Pod.Term
	m.Pod = e.Pod
	if in != m.pool {
		m.highest = 0
		c.join(m, in, e)
	}
	if wrote {
		m.exempt = e.Injected
		m.rolePool = c.wroteFor(m)
		switch {
		case !e.Injected:
			c.judgeRole(m, e, changed)
		case e.Pod.Term < m.highest: // by hand the mark was taken away that keeps late writes out
			m.highest = 0
		}
	}
	if m.pool != nil {
		c.stretch(m.pool, e)
	}
}

// join moves m to the pool in, or out of all where in is nil.
func (c *checker) join(m *member, in *pool, e Event) {
	if out := m.pool; out != nil {
		delete(out.members, m.uid)
		m.pool = nil
		c.stretch(out, e)
	}
	if m.pool = in; in != nil {
		in.members[m.uid] = m
		m.pools = append(m.pools, in)
	}
}

// wroteFor tells for which pool the role of m was written. A write for the old pool may still arrive when its user has
// moved the pod on; terms of two pools must not be compared.
func (c *checker) wroteFor(m *member) *pool {
	if m.pool != nil && (len(m.pool.grants[m.Term]) > 0 || c.wasNamed(m.pool, Target{m.name, m.uid})) {
		return m.pool
	}
	for _, p := range m.pools {
		if len(p.grants[m.Term]) > 0 {
			return p
		}
	}
	return m.pool
}

// judgeRole judges a role that was written. changed says whether its term was, too: a role that is taken off leaves the
// term that stands there, whoever wrote that.
func (c *checker) judgeRole(m *member, e Event, changed bool) {
	if changed && m.pool != nil && m.rolePool == m.pool && m.Term != 0 {
		if m.Term < m.highest {
			c.violate(PodTermGrows, e, "%s got role %q with term %d after term %d was written on it",
				m.object, cmp.Or(m.Annotation, m.Label), m.Term, m.highest)
		}
		m.highest = max(m.highest, m.Term)
	}
	if !m.Role.leads() {
		return
	}
	if p := m.rolePool; p == nil {
		c.violate(RoleFollowsLease, e, "%s of no pool got role leader with term %d", m.object, m.Term)
		return
	}
	if e.Type != Existing && !c.follows(m.rolePool, m.Term, m.identity(), Target{m.name, m.uid}) {
		c.violate(RoleFollowsLease, e, "%s (%s) got role leader with term %d, with which the Lease of pool %s did not name it",
			m.object, m.uid, m.Term, m.rolePool.key)
	}
	for _, other := range c.leadingWith(m) {
		c.violate(OneLeaderPerTerm, e, "%s and %s both carry role leader of pool %s with term %d", m.object, other, m.rolePool.key, m.Term)
		c.with(other)
	}
}

// leadingWith returns the other pods that carry the same leading role as m, those that left the pool with it included.
func (c *checker) leadingWith(m *member) []object {
	var found []object
	for _, other := range c.pods {
		if other != m && other.rolePool == m.rolePool && !other.exempt && other.Role.leads() && other.Term == m.Term {
			found = append(found, other.object)
		}
	}
	slices.SortFunc(found, func(a, b object) int { return strings.Compare(a.String(), b.String()) })
	return found
}
