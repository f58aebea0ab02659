package history

import "fmt"

// Check replays a history that [Sort] has put in order. It does not change events.
func Check(events []Event) Report {
	c := &checker{
		pools:    map[poolKey]*pool{},
		live:     map[object]string{},
		pods:     map[string]*member{},
		leases:   map[object]Event{},
		slices:   map[sliceKey]*sliceState{},
		statuses: map[string]*statusState{},
		holders:  map[object]map[string]bool{},
	}
	for _, e := range events {
		c.event(e)
	}
	c.finish()
	return c.report
}

type checker struct {
	report Report
	last   Event
	pools  map[poolKey]*pool
	live   map[object]string // the UID of each object that is there now
	pods   map[string]*member
	// leases holds the last write to each Lease that is there now.
	leases   map[object]Event
	slices   map[sliceKey]*sliceState
	statuses map[string]*statusState
	// holders are all that each Lease ever named, whoever's it is.
	holders map[object]map[string]bool
}

type poolKey struct{ namespace, name string }

func (k poolKey) String() string { return k.namespace + "/" + k.name }

// pool is what is known of one pool; it outlives its policy, its Lease and its members.
type pool struct {
	key poolKey
	// grants says who was named with each term. More than one holder of a term is a violation of its own.
	grants map[int64][]grant
	// highest is the largest term that the Lease ever had.
	highest int64
	// before: terms below it began before the history, so nobody can tell whom they named.
	before int64
	// holder is the last that the Lease named, by identity and UID.
	holder               grant
	hasPolicy, hadPolicy bool
	members              map[string]*member
	// observed are the Leases of programs that the pool ever observed.
	observed []object
	stretches
}

type grant struct{ holder, uid string }

func (c *checker) pool(namespace, name string) *pool {
	k := poolKey{namespace, name}
	p := c.pools[k]
	if p == nil {
		p = &pool{key: k, grants: map[int64][]grant{}, members: map[string]*member{}}
		c.pools[k] = p
	}
	return p
}

func (c *checker) event(e Event) {
	c.report.Events++
	if e.Injected {
		c.report.Injected++
	}
	c.whole(e)
	if c.last.Type == Existing && e.Type != Existing {
		c.start()
	}
	switch e.Kind {
	case KindPod:
		c.pod(e)
	case KindLease:
		c.lease(e)
	case KindSlice:
		c.slice(e)
	case KindPolicy:
		c.policy(e)
	}
	c.last = e
}

// whole looks for signs that the history is not what it says it is. A gap in which an object changed and changed back
// cannot be seen; the recorder answers for that.
func (c *checker) whole(e Event) {
	switch {
	case c.last.Type == "":
	case e.Type == Existing && c.last.Type != Existing:
		c.violate(WholeHistory, e, "%s existed at the start but comes after later writes", e.object())
	case e.Revision <= c.last.Revision:
		c.violate(WholeHistory, e, "%s was written at revision %d but comes after revision %d", e.object(), e.Revision, c.last.Revision)
	}
	o := e.object()
	known, there := c.live[o]
	switch {
	case e.Type == Existing || e.Type == Added:
		if there {
			c.violate(WholeHistory, e, "%s (%s) was created although %s was not deleted", o, e.UID, known)
		}
	case !there || known != e.UID:
		c.violate(WholeHistory, e, "%s (%s) was %s but its creation is not in the history", o, e.UID, e.Type)
	}
	if e.Type == Deleted {
		delete(c.live, o)
	} else {
		c.live[o] = e.UID
	}
}

func (c *checker) violate(i Invariant, e Event, format string, a ...any) {
	c.report.Violations = append(c.report.Violations, Violation{
		Invariant: i, Revision: e.Revision, Objects: []string{e.object().String()}, Text: fmt.Sprintf(format, a...),
	})
}

// with names a second object that takes part in the last violation.
func (c *checker) with(o object) {
	v := &c.report.Violations[len(c.report.Violations)-1]
	v.Objects = append(v.Objects, o.String())
}

// start looks at the pools as they are when the history begins: while the objects that existed come one by one, no pool
// is whole.
func (c *checker) start() {
	at := c.last
	at.Type = Added
	for _, p := range c.pools {
		c.stretch(p, at)
	}
}

func (c *checker) finish() {
	if c.last.Type == Existing {
		c.start()
	}
	for _, p := range c.pools {
		c.end(p, c.last)
	}
}
