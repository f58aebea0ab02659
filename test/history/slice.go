package history

import "slices"

// sliceKey is the identity of a slice over its deletions: the address type of one slice never changes.
type sliceKey struct {
	object
	family string
}

type sliceState struct {
	// there is false after a deletion; highest outlives it.
	there   bool
	last    Slice
	highest int64
}

func (c *checker) slice(e Event) {
	if e.Pool == "" {
		return
	}
	k := sliceKey{e.object(), e.Slice.Family}
	s := c.slices[k]
	if s == nil {
		s = &sliceState{}
		c.slices[k] = s
	}
	wrote := !s.there || s.last.Term != e.Slice.Term || !slices.Equal(s.last.Endpoints, e.Slice.Endpoints)
	s.there, s.last = e.Type != Deleted, e.Slice
	if e.Type == Deleted || e.Injected || !wrote {
		return
	}
	if e.Type != Existing {
		c.judgeSlice(e, s)
	}
	s.highest = max(s.highest, e.Slice.Term)
}

func (c *checker) judgeSlice(e Event, s *sliceState) {
	term := e.Slice.Term
	if term != 0 && term < s.highest {
		c.violate(SliceTermGrows, e, "the term of %s fell from %d to %d", e.object(), s.highest, term)
	}
	if n := len(e.Slice.Endpoints); n > 1 {
		c.violate(SliceNamesOne, e, "%s names %d endpoints", e.object(), n)
	}
	p := c.pool(e.Namespace, e.Pool)
	for _, t := range e.Slice.Endpoints {
		if !c.follows(p, term, c.identityOf(t), t) {
			c.violate(SliceFollowsLease, e, "%s names pod %s (%s) with term %d, with which the Lease of pool %s did not name it",
				e.object(), t.Name, t.UID, term, p.key)
		}
	}
}

// identityOf returns the identity of the pod that t names, "" where the pod is gone: only the pod could tell.
func (c *checker) identityOf(t Target) string {
	if m := c.pods[t.UID]; m != nil {
		return m.identity()
	}
	return ""
}

// statusState is the status of one policy, by UID: a policy that is created again starts without status.
type statusState struct {
	last    Policy
	highest int64
}

func (c *checker) policy(e Event) {
	p := c.pool(e.Namespace, e.Name)
	if e.Type != Deleted && !p.hadPolicy {
		p.hadPolicy = true
		c.report.Pools++
	}
	p.hasPolicy = e.Type != Deleted
	p.observe(e)
	c.stretch(p, e)
	s := c.statuses[e.UID]
	if s == nil {
		s = &statusState{}
		c.statuses[e.UID] = s
	}
	wrote := s.last != e.Policy
	s.last = e.Policy
	if e.Type == Deleted || e.Injected || !wrote {
		return
	}
	if term := e.Policy.Term; term != 0 && term < s.highest {
		c.violate(StatusTermGrows, e, "the term in the status of %s fell from %d to %d", e.object(), s.highest, term)
	}
	s.highest = max(s.highest, e.Policy.Term)
}
