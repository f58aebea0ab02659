package lock

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// home is a process that serves the lock, as small as design.md allows. Its name is that of its Lease: another one when that has passed.
type home struct {
	machine
	number int
	name   string
	// sent is when the last renewal of its Lease that succeeded was sent.
	sent      time.Time
	confirmed bool
	// first is when it first tried to have a Lease of that name.
	first time.Time
	// changed is when it saw Leases change, or first heard of those unseen; heard is up to when its watch has come.
	changed map[string]time.Time
	unseen  map[string]bool
	heard   time.Time

	state  State
	events []posted
	// left are those who left when nothing could be dealt with.
	left  []posted
	busy  bool
	stale bool
	under *State
	// newest is what the watch brought of the record meanwhile.
	newest        *Record
	newestVersion int64
	armed         int
	turns         int
	// recordWatch and leaseWatch are when the watches will have brought what they have.
	recordWatch, leaseWatch time.Duration
	listeners               map[uint64]listener
	// knew are the holders that it has known of.
	knew  map[string]bool
	order []string
}

// listener is a client's stream.
type listener struct {
	id   string
	hear func(Answer)
}

// posted is an event, and who hears what becomes of it.
type posted struct {
	event Event
	hear  func(Answer)
}

// errAway: this home cannot say. Who asked may ask another.
var errAway = fmt.Errorf("this home does not count at present")

func (w *world) bear(number int) *home {
	h := &home{machine: w.newMachine(), number: number, changed: map[string]time.Time{}, listeners: map[uint64]listener{}, knew: map[string]bool{}, unseen: map[string]bool{}}
	h.state = State{HomeLasts: w.lasts, MaxWaiters: 2 + number*4}
	h.read(w.record, w.version)
	for _, name := range slices.Sorted(maps.Keys(w.leases)) {
		h.changed[name] = h.clock()
	}
	h.rename()
	h.look()
	return h
}

func (h *home) rename() {
	h.names++
	h.name = fmt.Sprintf("h%d.%d", h.number, h.names)
	h.confirmed, h.first = false, h.clock()
	h.renew(true)
}

// renew renews its Lease every third of what that lasts.
func (h *home) renew(begins bool) {
	name, sent, ok := h.name, h.clock(), false
	h.request(func() { ok = h.renewed(name, begins, sent) }, func(answered bool) {
		switch {
		case h.name != name:
			return
		case answered && !ok:
			h.say("%s has no Lease any more", h.name)
			h.rename()
			return
		case answered && !h.lapsed():
			h.sent, h.confirmed = sent, true
		case h.lapsed():
			h.count("Leases lapsed")
			h.rename()
			return
		}
		h.wait(h.lasts/3-min(h.clock().Sub(sent), h.lasts/3), func() {
			if h.name == name {
				h.renew(!h.confirmed)
			}
		})
	})
}

// valid says whether what it acknowledges counts.
func (h *home) valid() bool { return h.confirmed && !h.lapsed() }

// lapsed says that its name does not count any more, and never will again: others may have seen its Lease unchanged for long enough. A first
// try may have made the Lease although no answer came.
func (h *home) lapsed() bool {
	from := h.first
	if h.confirmed {
		from = h.sent
	}
	return h.clock().Sub(from) >= h.lasts-time.Duration(float64(h.lasts)*Margin)
}

func (h *home) lag(watch *time.Duration) time.Duration {
	d := h.soon()
	if h.chance(h.faults.lag) {
		d = h.between(0, 30*time.Second)
	}
	*watch = max(*watch, h.now+d)
	return *watch - h.now
}

func (h *home) watchLease(name string, echo time.Time) {
	h.after(h.lag(&h.leaseWatch), func() {
		h.act(func() {
			h.changed[name] = h.clock()
			delete(h.unseen, name)
			if name == h.name {
				h.heard = echo
			}
		})
	})
}

func (h *home) watchRecord(r Record, version int64) {
	h.after(h.lag(&h.recordWatch), func() {
		h.act(func() {
			if version > h.newestVersion {
				h.newest, h.newestVersion = &r, version
			}
			if !h.busy {
				h.turn()
			}
		})
	})
}

// silent is since when another's Lease has not changed, if that is for so long that whatever that home acknowledged it did before.
func (h *home) silent(name string) (time.Time, bool) {
	since, seen := h.changed[name]
	if !seen { // the watch may not have brought yet that it began
		since = h.clock()
		h.changed[name], h.unseen[name] = since, true
	}
	return since, name != h.name && !h.heard.IsZero() && h.heard.Sub(since) >= Wait(h.lasts)
}

// preferred is where a request is served best.
func (h *home) preferred() string {
	best, most := h.name, hash(h.name)
	for name, changed := range h.changed {
		if h.unseen[name] || h.clock().Sub(changed) > h.lasts {
			continue
		}
		if x := hash(name); x > most {
			best, most = name, x
		}
	}
	return best
}

// hash is how much a name is preferred.
func hash(name string) uint32 {
	x := uint32(2166136261)
	for _, c := range []byte(name) {
		x = (x ^ uint32(c)) * 16777619
	}
	return x
}

// look looks once a second whether something happened that nobody told.
func (h *home) look() {
	if h.lapsed() {
		h.count("Leases lapsed")
		h.rename()
	}
	if h.state.Guest { // who waits here would wait for longer than those who come after
		for _, s := range slices.Sorted(maps.Keys(h.listeners)) {
			if l, ok := h.listeners[s]; ok {
				l.hear(Answer{Err: errAway})
				h.hangUp(s)
			}
		}
	}
	if holder := h.state.Record.Holder; !h.busy && (holder != nil && holder.Home != h.name || h.state.Guest != (h.preferred() != h.name)) {
		h.turn()
	}
	h.wait(time.Second, h.look)
}

func (h *home) hangUp(stream uint64) {
	if l, ok := h.listeners[stream]; ok {
		delete(h.listeners, stream)
		h.post(posted{event: Leave{ID: l.id, Stream: stream}})
	}
}

func (h *home) post(p posted) {
	h.events = append(h.events, p)
	if !h.busy {
		h.turn()
	}
}

// keep is a renewal that costs no write.
func (h *home) keep(e Renew, home string) bool {
	if !h.valid() || home != h.name || h.state.Home != h.name || h.stale || !h.state.Keeps(e.ID, e.Token) || h.under != nil && !h.under.Keeps(e.ID, e.Token) {
		return false
	}
	h.state = h.state.Heard(h.clock())
	h.arm()
	return true
}

// turn deals with what has come.
func (h *home) turn() {
	h.turns++
	h.busy = true
	batch := slices.Concat(h.left, h.events)
	h.left, h.events = nil, nil
	if h.newest != nil && h.newestVersion > h.state.Version {
		h.read(*h.newest, h.newestVersion)
	}
	h.newest = nil
	if h.stale {
		h.refresh(batch)
		return
	}
	h.decide(batch, false)
}

func (h *home) read(r Record, version int64) {
	h.state = h.state.Read(r, version, h.clock())
	h.know()
	h.stale = false
	h.order = h.order[:0]
	for _, w := range h.state.Queue() {
		h.order = append(h.order, w.ID)
	}
}

func (h *home) know() {
	if holder := h.state.Record.Holder; holder != nil {
		h.knew[holder.ID] = true
	}
}

func (h *home) refresh(batch []posted) {
	var r Record
	var version int64
	h.request(func() { r, version = h.record, h.version }, func(answered bool) {
		if !answered {
			h.away(batch)
			return
		}
		if version > h.state.Version {
			h.read(r, version)
		}
		h.stale = false
		h.decide(batch, true)
	})
}

// away tells that this home cannot say. That somebody left is dealt with later.
func (h *home) away(batch []posted) {
	for _, p := range batch {
		if p.hear != nil {
			p.hear(Answer{Err: errAway})
		}
		if _, leave := p.event.(Leave); leave {
			h.left = append(h.left, p)
		}
	}
	h.busy = false
	h.next()
	h.armFor(time.Second)
}

func (h *home) decide(batch []posted, current bool) {
	if !h.valid() {
		h.away(batch)
		return
	}
	h.state.Home, h.state.Guest = h.name, h.preferred() != h.name
	if holder := h.state.Record.Holder; holder != nil && holder.Home != h.name {
		h.state.Silent = time.Time{}
		if since, silent := h.silent(holder.Home); silent {
			h.state.Silent = since
			h.say("%s: %s silent since %v ago, heard %v ago", h.name, holder.Home, h.clock().Sub(since), h.clock().Sub(h.heard))
		}
	}
	events := make([]Event, len(batch))
	for i, p := range batch {
		events[i] = p.event
	}
	next, answers := h.state.Next(events, h.clock())
	switch {
	case !next.Record.Same(h.state.Record):
		h.under = &next
		h.write(next, batch, answers)
	case !current && slices.ContainsFunc(batch, func(p posted) bool { return certain(p.event, answers) }):
		h.refresh(batch)
	default:
		h.settle(next, batch, answers)
	}
}

// certain says whether an event's answer must be as new as the event. A write shows that; else the record is read.
func certain(e Event, answers []Answer) bool {
	switch e := e.(type) {
	case Ask:
		return slices.ContainsFunc(answers, func(a Answer) bool { return a.ID == e.ID && a.Holder != nil })
	case Renew, Release, Force:
		return true
	}
	return false
}

// write writes what was decided, until it is known what became of it.
func (h *home) write(next State, batch []posted, answers []Answer) {
	var version int64
	var ok bool
	was := h.state
	h.request(func() { version, ok = h.put(was.Version, next.Record, h) }, func(answered bool) {
		switch {
		case !answered:
			h.wait(h.between(0, time.Second), func() { h.write(next, batch, answers) })
		case !ok:
			h.under, h.stale = nil, true
			h.events = slices.Concat(batch, h.events)
			h.turn()
		default:
			h.under = nil
			next.Version = version
			a, b := was.Record.Holder, next.Record.Holder
			if a == nil || b == nil || a.ID != b.ID || a.Home != b.Home {
				next = next.Begun(h.clock()) // nobody was told before
			}
			h.settle(next, batch, answers)
		}
	})
}

// settle makes what was decided what is known, and tells it.
func (h *home) settle(next State, batch []posted, answers []Answer) {
	h.inOrder(next, batch, answers)
	if len(answers) > 0 {
		h.say("%s answers %s", h.name, told(answers))
	}
	for _, a := range answers {
		if a.Stream != 0 {
			if l, ok := h.listeners[a.Stream]; ok {
				delete(h.listeners, a.Stream)
				l.hear(a)
			}
			continue
		}
		if _, release := batch[a.Event].event.(Release); release && a.Err == nil {
			h.ended[a.ID] = h
		}
		batch[a.Event].hear(a)
	}
	h.end(next)
}

func told(answers []Answer) (s string) {
	for _, a := range answers {
		s += fmt.Sprintf("[%d %s stream %d: %v waited %v]", a.Event, a.ID, a.Stream, a.Err, a.Waited)
	}
	return s
}

func (h *home) end(next State) {
	h.state = next.After(h.state)
	h.know()
	h.busy = false
	h.next()
	h.arm()
}

// next has what came meanwhile dealt with.
func (h *home) next() {
	if len(h.events) > 0 || h.newest != nil && h.newestVersion > h.state.Version {
		h.after(0, func() {
			h.act(func() {
				if !h.busy {
					h.turn()
				}
			})
		})
	}
}

// arm has it do what happens by itself.
func (h *home) arm() {
	h.armed++
	due, ok := h.state.Due()
	if !ok {
		return
	}
	if h.turns > 20000 {
		h.fail("%s is always busy: due %v before now", h.name, h.clock().Sub(due))
	}
	h.armFor(due.Sub(h.clock()))
}

func (h *home) armFor(d time.Duration) {
	h.armed++
	mine := h.armed
	h.wait(max(d, time.Millisecond), func() {
		if h.armed == mine && !h.busy {
			h.turn()
		}
	})
}

// inOrder: who has come first gets it first, of those who are there.
func (h *home) inOrder(next State, batch []posted, answers []Answer) {
	if was := h.state.Record.Holder; was != nil && next.Record.Last.Reason == Undelivered && next.find(was.ID) >= 0 {
		h.order = slices.Insert(h.order, 0, was.ID)
	}
	for _, p := range batch {
		if e, ok := p.event.(Ask); ok && !slices.Contains(h.order, e.ID) {
			h.order = append(h.order, e.ID)
		}
	}
	gone := map[string]bool{}
	for _, a := range answers {
		gone[a.ID] = true
	}
	granted := ""
	if was, is := h.state.Record.Holder, next.Record.Holder; is != nil && (was == nil || was.ID != is.ID) {
		granted = is.ID
	}
	at := slices.Index(h.order, granted)
	for _, id := range h.order[:max(at, 0)] {
		if p := h.state.find(id); p >= 0 && h.state.queue[p].present() && !gone[id] && h.listens(h.state.queue[p].stream) && !left(batch, id) {
			h.fail("%s grants %s the lock before %s, which has come earlier", h.name, granted, id)
		}
	}
	h.order = slices.DeleteFunc(h.order, func(id string) bool { return next.find(id) < 0 })
}

func (h *home) listens(stream uint64) bool {
	_, ok := h.listeners[stream]
	return ok
}

func left(batch []posted, id string) bool {
	return slices.ContainsFunc(batch, func(p posted) bool { e, ok := p.event.(Leave); return ok && e.ID == id })
}
