package history

import "slices"

// lease judges one write to a pool's record. Leases that never get a base are other people's and break nothing.
func (c *checker) lease(e Event) {
	before, there := c.leases[e.object()]
	if e.Type == Deleted {
		delete(c.leases, e.object())
		return
	}
	c.leases[e.object()] = e
	c.holder(e)
	p := c.pool(e.Namespace, e.Name)
	was, is := before.Lease, e.Lease
	if there && was == is {
		return // a renewal
	}
	if e.Type == Existing {
		if p.before = is.Term(); is.Holder == "" {
			p.before++ // nobody can tell any more whom it named
		}
	} else if !e.Injected {
		c.judgeBase(e, p, before, there)
		c.judgeTerm(e, p, was)
	}
	c.name(p, was, is)
}

func (c *checker) judgeBase(e Event, p *pool, before Event, there bool) {
	was, is := before.Lease, e.Lease
	switch {
	case is.Base == was.Base:
	case !there:
		c.violate(LeaseCreatedEmpty, e, "%s was created with term-base %d", e.object(), is.Base)
	case was.Base != 0:
		c.violate(LeaseBaseFixed, e, "the term-base of %s changed from %d to %d", e.object(), was.Base, is.Base)
	case was.Holder != "" && !slices.Contains(p.observed, e.object()): // a program may have taken a Lease that the pool made
		c.violate(LeaseCreatedEmpty, e, "%s got term-base %d while %s held it without one", e.object(), is.Base, was.Holder)
	case is.Base < before.Revision:
		c.violate(LeaseBaseFixed, e, "the term-base of %s is %d, below revision %d that got it", e.object(), is.Base, before.Revision)
	}
}

func (c *checker) judgeTerm(e Event, p *pool, was Lease) {
	is, term := e.Lease, e.Lease.Term()
	switch {
	case term == 0:
	case named(was, is) && term <= p.highest:
		c.violate(NewHolderNewTerm, e, "%s names %s (%s) with term %d although term %d has begun", e.object(), is.Holder, is.HolderUID, term, p.highest)
	case term < p.highest:
		c.violate(LeaseTermGrows, e, "the term of %s fell from %d to %d", e.object(), p.highest, term)
	}
}

// name keeps what the Lease said, whoever wrote it.
func (c *checker) name(p *pool, was, is Lease) {
	term := is.Term()
	if term == 0 {
		return
	}
	p.highest = max(p.highest, term)
	if is.Holder == "" {
		return
	}
	g := grant{is.Holder, is.HolderUID}
	p.grants[term] = append(p.grants[term], g)
	if !named(was, is) {
		return
	}
	c.report.Terms++
	if p.holder != (grant{}) && p.holder != g {
		c.report.Moves++
	}
	p.holder = g
}

// named says whether somebody became the holder: the same holder again counts if it was not the holder in between.
func named(was, is Lease) bool {
	return is.Holder != "" && (is.Holder != was.Holder || is.HolderUID != was.HolderUID)
}

// namedWith says whether the Lease named that holder with that term; an empty identity is not compared.
func (p *pool) namedWith(term int64, identity, uid string) bool {
	for _, g := range p.grants[term] {
		if g.uid == uid && (identity == "" || g.holder == identity) {
			return true
		}
	}
	return false
}

// judgeable says whether the history knows whom a term named.
func (p *pool) judgeable(term int64) bool { return term == 0 || term >= p.before }
