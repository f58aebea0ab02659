package history

// stretches are what lasts in a pool right now; zero: it does not.
type stretches struct {
	overlap, leaderless Event
}

// stretch looks at a pool after a write that may have begun or ended something in it.
func (c *checker) stretch(p *pool, e Event) {
	if e.Type == Existing {
		return
	}
	terms, candidates := map[int64]bool{}, 0
	for _, m := range p.members {
		if m.leads() {
			terms[m.Term] = true
		}
		if m.candidate() {
			candidates++
		}
	}
	c.lasts(p, &p.overlap, &c.report.LongestOverlap, len(terms) > 1, e)
	c.lasts(p, &p.leaderless, &c.report.LongestLeaderless, p.hasPolicy && candidates > 0 && len(terms) == 0, e)
}

// lasts begins or ends a stretch at e.
func (c *checker) lasts(p *pool, since *Event, longest *Span, is bool, e Event) {
	began := since.Revision != 0
	switch {
	case is && !began:
		*since = e
	case !is && began:
		// Two watches may be heard in another order than the writes: a stretch is never shorter than nothing.
		s := Span{Pool: p.key.String(), From: since.Revision, To: e.Revision, Duration: max(0, e.Received.Sub(since.Received))}
		if s.longer(*longest) {
			*longest = s
		}
		*since = Event{}
	}
}

// end closes what still lasts when the history ends.
func (c *checker) end(p *pool, last Event) {
	c.lasts(p, &p.overlap, &c.report.LongestOverlap, false, last)
	c.lasts(p, &p.leaderless, &c.report.LongestLeaderless, false, last)
}
