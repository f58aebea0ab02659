package lock

import (
	"container/heap"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// world is virtual time, an API server that has one lock and the Leases of its homes, and the network between them and their clients. One
// thing happens after the other.
type world struct {
	rnd    *rand.Rand
	now    time.Duration
	coming agenda
	seq    int
	faults faults
	// lasts is how long a home's Lease lasts.
	lasts time.Duration

	version int64
	record  Record
	leases  map[string]bool

	homes   []*home
	clients []*client
	// streams and names are how many there were.
	streams uint64
	names   int

	referee
	counts map[string]int
	// tell is called with each line of the story; nil if nobody listens.
	tell func(string)
}

// faults are the chances, from 0 to 1, that something befalls one message, and what else goes wrong.
type faults struct{ lost, late, unanswered, slow, lag, breaks float64 }

func newWorld(seed uint64) *world {
	w := &world{rnd: rand.New(rand.NewPCG(seed, 0)), version: 1000, leases: map[string]bool{}, counts: map[string]int{}}
	w.world = w
	w.tokens, w.excused, w.ended = map[string]grant{}, map[int64]bool{}, map[string]*home{}
	return w
}

type occasion struct {
	at  time.Duration
	seq int
	do  func()
}

type agenda []occasion

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].seq < a[j].seq
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(occasion)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

func (w *world) after(d time.Duration, do func()) {
	w.seq++
	heap.Push(&w.coming, occasion{w.now + max(d, 0), w.seq, do})
}

// pass has everything happen that happens within d.
func (w *world) pass(d time.Duration) {
	end := w.now + d
	for len(w.coming) > 0 && w.coming[0].at <= end && w.failure == "" {
		next := heap.Pop(&w.coming).(occasion)
		w.now = next.at
		next.do()
	}
	w.now = end
}

func (w *world) chance(p float64) bool { return w.rnd.Float64() < p }

func (w *world) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.rnd.Int64N(int64(most-least)+1))
}

// soon is how long a message takes that nothing befalls.
func (w *world) soon() time.Duration { return w.between(200*time.Microsecond, 5*time.Millisecond) }

func (w *world) say(format string, a ...any) {
	if w.tell != nil {
		w.tell(fmt.Sprintf("%10.4f  ", w.now.Seconds()) + fmt.Sprintf(format, a...))
	}
}

func (w *world) count(what string) { w.counts[what]++ }

// machine is a process with a clock of its own.
type machine struct {
	*world
	rate   float64
	offset time.Duration
	dead   bool
	stands time.Duration // until then it stands still
}

func (w *world) newMachine() machine {
	rate := 1 + Margin/2*(2*w.rnd.Float64()-1)
	if w.chance(0.4) {
		rate = []float64{1 - Margin/2, 1 + Margin/2}[w.rnd.IntN(2)]
	}
	return machine{world: w, rate: rate, offset: w.between(0, time.Hour)}
}

// clock is the machine's.
func (m *machine) clock() time.Time { return m.clockAt(m.now) }

func (m *machine) clockAt(now time.Duration) time.Time {
	return t0.Add(m.offset + time.Duration(float64(now)*m.rate))
}

// when is the world's time at which the machine's clock shows t.
func (m *machine) when(t time.Time) time.Duration {
	return time.Duration(float64(t.Sub(t0)-m.offset) / m.rate)
}

// act has the machine do something, once it can.
func (m *machine) act(do func()) {
	switch {
	case m.dead:
	case m.now < m.stands:
		m.after(m.stands-m.now, func() { m.act(do) })
	default:
		do()
	}
}

// wait has the machine do something after d of its own clock.
func (m *machine) wait(d time.Duration, do func()) {
	m.after(time.Duration(float64(d)/m.rate), func() { m.act(do) })
}

// requestTimeout bounds one request to the API server.
const requestTimeout = 5 * time.Second

// request is one request of a machine to the API server: do is what that does, once or not at all; then hears whether an answer came.
func (m *machine) request(do func(), then func(answered bool)) {
	heard := false
	hear := func(answered bool) {
		if !heard {
			heard = true
			then(answered)
		}
	}
	m.wait(requestTimeout, func() { hear(false) })
	answer := func() { m.act(func() { hear(true) }) }
	switch f := m.faults; {
	case m.chance(f.lost):
		m.count("requests lost")
	case m.chance(f.late):
		m.count("requests late")
		m.after(m.between(0, 25*time.Second), do)
	case m.chance(f.unanswered):
		m.count("answers lost")
		m.after(m.soon(), do)
	default:
		back := m.soon()
		if m.chance(f.slow) {
			m.count("answers slow")
			back = m.between(0, 8*time.Second)
		}
		m.after(m.soon(), func() {
			do()
			m.after(back, answer)
		})
	}
}

// put replaces the record, if it is of that version still.
func (w *world) put(version int64, r Record, by *home) (int64, bool) {
	if version != w.version {
		w.count("conflicts")
		return 0, false
	}
	w.committed(w.record, r, by)
	w.count("writes")
	w.version += 1 + w.rnd.Int64N(1+w.rnd.Int64N(20)) // what else is written counts, too
	w.record = stored(r)
	w.say("written by %s as %d: %s", by.name, w.version, r)
	for _, h := range w.homes {
		h.watchRecord(w.record, w.version)
	}
	return w.version, true
}

// stored is a record as it comes back from the API server.
func stored(r Record) Record {
	at := func(t time.Time) time.Time { return t.Truncate(time.Microsecond).Local() }
	if r.Holder != nil {
		h := *r.Holder
		h.Since = at(h.Since)
		r.Holder = &h
	}
	r.Waiters = slices.Clone(r.Waiters)
	for i := range r.Waiters {
		r.Waiters[i].Since = at(r.Waiters[i].Since)
	}
	r.Last.Time = at(r.Last.Time)
	return r
}

// String is a record for the story.
func (r Record) String() string {
	s := fmt.Sprintf("token %d, ", r.Token)
	if h := r.Holder; h != nil {
		s += fmt.Sprintf("held by %s at %s, attempt %d", h.ID, h.Home, h.Attempt)
		if h.Forced != nil {
			s += ", forced"
		}
	} else {
		s += "free"
	}
	for _, w := range r.Waiters {
		s += ", " + w.ID
	}
	return fmt.Sprintf("%s of %d; %s: %s", s, r.Waiting, r.Last.Reason, r.Last.Message)
}

// renewed is a Lease that a home has written: made, if it makes it; it fails where the Lease was deleted.
func (w *world) renewed(name string, begins bool, echo time.Time) bool {
	if !begins && !w.leases[name] {
		return false
	}
	w.leases[name] = true
	for _, h := range w.homes {
		h.watchLease(name, echo)
	}
	return true
}

// removeLease deletes a Lease by hand.
func (w *world) removeLease() {
	if names := slices.Sorted(maps.Keys(w.leases)); len(names) > 0 {
		w.count("Leases deleted")
		name := names[w.rnd.IntN(len(names))]
		w.say("Lease %s is deleted", name)
		delete(w.leases, name)
	}
}

// referee checks what the record and the clients say against what is promised.
type referee struct {
	world   *world
	failure string
	grants  []grant
	// tokens are those that requests have got, excused those that were taken at once, ended who told that a request has ended.
	tokens  map[string]grant
	excused map[int64]bool
	ended   map[string]*home
	writes  []time.Duration
}

type grant struct {
	id    string
	token int64
	at    time.Duration
	by    *home
}

func (r *referee) fail(format string, a ...any) {
	if r.failure == "" {
		r.failure = fmt.Sprintf("at %.4f s ", r.world.now.Seconds()) + fmt.Sprintf(format, a...)
	}
	r.world.say("FAILED "+format, a...)
}

// committed: tokens grow in the order of the writes, one holds it, a request gets one token, and none that has ended.
func (r *referee) committed(was, is Record, by *home) {
	w := r.world
	r.writes = append(r.writes, w.now)
	raised := max(was.Token+1, w.version)
	a, b := was.Holder, is.Holder
	switch {
	case is.Token != was.Token && is.Token != raised:
		r.fail("the token went from %d to %d, and not to %d", was.Token, is.Token, raised)
	case a != nil && (b == nil || a.ID != b.ID) && is.Last.Reason == ByForce && is.Token != raised:
		r.fail("the lock was taken from token %d, and the token is %d", a.Token, is.Token)
	case len(is.Waiters) > Durable || len(is.Waiters) > is.Waiting:
		r.fail("the record lists %d of %d who wait", len(is.Waiters), is.Waiting)
	case b != nil && is.lists(b.ID):
		r.fail("%s holds the lock and waits", b.ID)
	}
	if a != nil && (b == nil || a.ID != b.ID) && strings.Contains(is.Last.Message, " at once: ") {
		r.excused[a.Token] = true
		w.count("taken at once")
	}
	if a != nil && (b == nil || a.Token != b.Token) && is.Last.Reason == Undelivered {
		r.givenBack(a)
	}
	switch {
	case b == nil:
	case a != nil && a.Token == b.Token:
		r.kept(a, b)
	default:
		r.granted(was, is, by)
	}
}

// givenBack: nobody was told that it held the lock, and it may get it again.
func (r *referee) givenBack(h *Holder) {
	w := r.world
	w.count("given back")
	for _, c := range w.clients {
		if c.id == h.ID && c.token == h.Token {
			r.fail("%s has heard that it holds the lock, which is given back", c.id)
		}
	}
	delete(r.tokens, h.ID)
	for _, other := range w.homes {
		delete(other.knew, h.ID)
	}
}

func (r *referee) kept(a, b *Holder) {
	if a.Token != b.Token || a.TTL != b.TTL || a.Request != b.Request || a.Forced != nil && (b.Forced == nil || a.Home != b.Home || a.Attempt != b.Attempt) {
		r.fail("%+v became %+v", a, b)
	}
	if a.Home != b.Home {
		r.world.count("re-homed")
	}
}

func (r *referee) granted(was, is Record, by *home) {
	w, h := r.world, is.Holder
	if before, twice := r.tokens[h.ID]; twice {
		w.count("a second token by another home")
		if by.knew[h.ID] {
			r.fail("%s got token %d and now %d", h.ID, before.token, h.Token)
		}
	}
	if slices.Contains(was.Ended, markOf(h.Request)) || slices.Contains(was.Ended, markOf(h.Request)+lostSign) {
		r.fail("%s is granted the lock, and has ended, as the record says", h.ID)
	}
	if who, ended := r.ended[h.ID]; ended {
		w.count("granted by another home after its end")
		if who == by {
			r.fail("%s was told that %s has ended, and grants it the lock", who.name, h.ID)
		}
	}
	if h.Token != is.Token {
		r.fail("the holder's token is %d and the lock's %d", h.Token, is.Token)
	}
	for _, c := range w.clients {
		if c.id != h.ID && c.token != 0 && !c.dead && !r.excused[c.token] && c.until > w.now {
			r.fail("%s is granted the lock, which %s holds for %v by its clock", h.ID, c.id, c.until-w.now)
		}
	}
	w.count("granted: " + string(is.Last.Reason))
	g := grant{h.ID, h.Token, w.now, by}
	r.tokens[h.ID] = g
	r.grants = append(r.grants, g)
}

// believed: nobody believes that it holds the lock beyond the next grant.
func (r *referee) believed(c *client) {
	for _, g := range r.grants {
		if g.token > c.token && !r.excused[c.token] {
			if c.until > g.at {
				r.fail("%s counts until %v after %s was granted the lock", c.id, c.until-g.at, g.id)
			}
			return
		}
	}
}
