package lock

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// machineCode is a story in bytes, of two homes and one record.
type machineCode struct {
	t       *testing.T
	code    []byte
	now     time.Time
	homes   [2]State
	batches [2][]Event
	record  Record
	version int64
	stream  uint64
	// tokens are those that requests have got of each home that knew.
	tokens [2]map[string]int64
	// undelivered are tokens that were given back.
	undelivered map[int64]bool
}

func (m *machineCode) next() int {
	if len(m.code) == 0 {
		return 0
	}
	b := m.code[0]
	m.code = m.code[1:]
	return int(b)
}

func (m *machineCode) pick(n int) int { return m.next() % n }

func tell(t *testing.T, code []byte) {
	t.Helper()
	m := &machineCode{t: t, code: code, now: t0, version: 100, undelivered: map[int64]bool{}}
	for i := range m.homes {
		m.homes[i] = State{Home: fmt.Sprint("h", i), MaxWaiters: 1 + m.pick(5), HomeLasts: 5 * time.Second}
		m.homes[i] = m.homes[i].Read(m.record, m.version, m.now)
		m.tokens[i] = map[string]int64{}
	}
	for len(m.code) > 0 && !t.Failed() {
		m.step()
	}
}

func (m *machineCode) step() {
	i := m.pick(2)
	id := fmt.Sprint("r", m.pick(40))
	account := []string{"acc", "acc", "acc", "evil"}[m.pick(4)]
	add := func(e Event) { m.batches[i] = append(m.batches[i], e) }
	token := m.record.Token - int64(m.pick(5)/4)
	switch m.pick(12) {
	case 0, 1, 2:
		m.stream++
		e := Ask{Request: Request{ID: id, Owner: id, Account: account}, TTL: time.Duration(1+m.pick(4)) * time.Second, Stream: m.stream, Came: m.now, Try: m.pick(6) == 0, Attempt: int64(m.pick(4))}
		if d := m.pick(8); d > 4 {
			e.Until = m.now.Add(time.Duration(d-5) * time.Second)
		}
		add(e)
	case 3:
		e := Leave{ID: id, Stream: m.stream - uint64(m.pick(3))}
		if p := m.homes[i].unheard; p != nil && m.pick(2) == 0 {
			e = Leave{p.ID, p.stream}
		}
		add(e)
	case 4:
		add(Release{ID: id, Account: account, Token: token})
	case 5:
		add(Release{ID: id, Account: account})
	case 6:
		add(Renew{ID: id, Account: account, Token: token, Attempt: int64(m.pick(6))})
	case 7:
		add(Force{Token: token, Forced: Forced{"boss", "why"}, Now: m.pick(2) == 0})
	case 8:
		m.now = m.now.Add(time.Duration(m.pick(256)*m.pick(256)) * time.Millisecond)
	case 9:
		m.homes[i].Guest = m.pick(2) == 0
		if m.pick(2) == 0 {
			m.homes[i].Silent = m.now
		}
	default:
		m.turn(i, m.pick(4))
	}
}

// turn has a home deal with what has come; how says what becomes of its write.
func (m *machineCode) turn(i, how int) {
	batch := m.batches[i]
	m.batches[i] = nil
	for range 3 {
		was := m.homes[i]
		is, answers := was.Next(batch, m.now)
		m.judge(i, was, is, batch, answers)
		current := was.Version == m.version
		switch {
		case is.Record.Same(was.Record):
			m.homes[i] = is
			m.idle(i)
			return
		case current:
			if h := was.Record.Holder; h != nil && is.Record.Last != was.Record.Last && is.Record.Last.Reason == Undelivered {
				m.undelivered[h.Token] = true
			}
			m.record, m.version = stored(is.Record), m.version+1+int64(how)
			if how == 3 { // it landed, and nobody heard
				break
			}
			is.Version = m.version
			m.homes[i] = is
			m.idle(i)
			return
		}
		m.homes[i] = m.homes[i].Read(m.record, m.version, m.now)
		how = 0
	}
}

// judge checks one Next.
func (m *machineCode) judge(i int, was, is State, batch []Event, answers []Answer) {
	t := m.t
	fail := func(format string, a ...any) { t.Errorf(format, a...) }
	if is.Record.Token < was.Record.Token {
		fail("the token fell from %d to %d", was.Record.Token, is.Record.Token)
	}
	for range 2 { // the same again: nothing was changed by the first time
		again, once := was.Next(batch, m.now)
		if !again.Record.Same(is.Record) || len(once) != len(answers) || !slices.Equal(ids(again), ids(is)) {
			fail("%+v and %v, then %+v and %v", is.Record, answers, again.Record, once)
		}
	}
	if h := is.Record.Holder; h != nil {
		if h.Token > is.Record.Token || is.find(h.ID) >= 0 {
			fail("%+v of %+v", h, is.Record)
		}
		if was.Record.Holder == nil || was.Record.Holder.ID != h.ID {
			m.granted(i, was, is)
		}
	}
	if q := ids(is); len(slices.Compact(slices.Sorted(slices.Values(q)))) != len(q) {
		fail("%v wait", q)
	}
	answered := map[int]bool{}
	for _, a := range answers {
		if a.Event < -1 || a.Event >= len(batch) || a.Event >= 0 && answered[a.Event] {
			fail("event %d of %d is answered: %+v", a.Event, len(batch), a)
		}
		answered[a.Event] = true
		if a.Holder != nil && (a.Err != nil || a.Holder.ID != a.ID) || a.Waited < 0 || a.Waited > m.now.Sub(t0) || a.Event == -1 && a.Stream == 0 {
			fail("%+v", a)
		}
	}
	for n, e := range batch {
		switch e := e.(type) {
		case Ask:
			at := is.find(e.ID)
			gone := slices.Contains(batch[n:], Event(Leave{e.ID, e.Stream})) // nobody hears
			if !answered[n] && !gone && (at < 0 || is.queue[at].stream != e.Stream) {
				fail("%+v is not answered, and does not wait", e)
			}
			if answered[n] && at >= 0 && is.queue[at].stream == e.Stream && is.queue[at].present() {
				fail("%+v is answered, and waits", e)
			}
		case Leave:
			if answered[n] {
				fail("%+v is answered", e)
			}
		default:
			if !answered[n] {
				fail("%+v is not answered", e)
			}
		}
	}
}

func (m *machineCode) granted(i int, was, is State) {
	h := is.Record.Holder
	if h.Token <= was.Record.Token || h.Home != is.Home || h.Account == "" {
		m.t.Errorf("%+v is granted, after token %d", h, was.Record.Token)
	}
	if before, ok := m.tokens[i][markOf(h.Request)]; ok && !m.undelivered[before] {
		m.t.Errorf("%s is granted token %d, and had %d", h.ID, h.Token, before)
	}
	if was.hasEnded(h.Request) {
		m.t.Errorf("%s is granted the lock, and has ended", h.ID)
	}
}

// idle: nothing happens by itself before it is due, and when it is due something does.
func (m *machineCode) idle(i int) {
	s := m.homes[i]
	if h := s.Record.Holder; h != nil {
		m.tokens[i][markOf(h.Request)] = h.Token
	}
	due, ok := s.Due()
	early := m.now.Add(24 * time.Hour)
	if ok {
		early = due.Add(-1)
		if due.Before(m.now) {
			m.t.Errorf("due %v ago", m.now.Sub(due))
		}
	}
	if !early.Before(m.now) {
		is, answers := s.Next(nil, early)
		if !is.Record.Same(s.Record) || len(answers) > 0 || !slices.Equal(ids(is), ids(s)) {
			m.t.Errorf("at %v, before it is due, %+v became %+v, %v", early, s.Record, is.Record, answers)
		}
	}
	if !ok {
		return
	}
	is, answers := s.Next(nil, due)
	if again, more := is.Due(); is.Record.Same(s.Record) && len(answers) == 0 && slices.Equal(ids(is), ids(s)) && more && !again.After(due) {
		m.t.Errorf("due at %v, and nothing happens: %+v %v", due, s.Record, ids(s))
	}
}

// FuzzNext tells stories of events, clocks and writes, and checks what every Next promises.
func FuzzNext(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(code(seed))
	}
	f.Fuzz(tell)
}

func code(seed uint64) []byte {
	rnd := rand.New(rand.NewPCG(seed, 1))
	list := make([]byte, 200+rnd.IntN(1500))
	for i := range list {
		list[i] = byte(rnd.Uint32())
	}
	return list
}

// TestNextInManyStories is FuzzNext with chance instead of search.
func TestNextInManyStories(t *testing.T) {
	first := rand.Uint64()
	for i := range uint64(500) {
		tell(t, code(first+i))
		if t.Failed() {
			t.Fatalf("seed %d", first+i)
		}
	}
}
