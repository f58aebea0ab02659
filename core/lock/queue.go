package lock

import (
	"slices"
	"time"
)

func (t *turn) ask(i int, e Ask) {
	answer := func(a Answer) {
		a.Event, a.ID, a.Stream = i, e.ID, e.Stream
		t.answer(a)
	}
	if h := t.Record.Holder; h != nil && h.ID == e.ID {
		if h.Account != e.Account {
			answer(Answer{Err: ErrForeign})
			return
		}
		kept, err := t.keep(h, e.Attempt)
		answer(Answer{Holder: kept, Err: err, Waited: t.now.Sub(e.Came)})
		return
	}
	if w := t.was; w != nil && w.ID == e.ID && w.Account != e.Account { // which ends in this turn
		answer(Answer{Err: ErrForeign})
		return
	}
	if t.hasEnded(e.Request) {
		answer(Answer{Err: ErrFinished})
		return
	}
	if at := t.find(e.ID); at >= 0 {
		switch p := t.queue[at]; {
		case p.Account != e.Account:
			answer(Answer{Err: ErrForeign})
		case e.Attempt < p.attempt:
			answer(Answer{Err: ErrOvertaken})
		default:
			t.comeBack(i, at, e)
		}
		return
	}
	t.remember(e.ID, i)
	t.came[e.ID] = true
	t.queue = append(t.queue, &place{
		Waiter: Waiter{Request: e.Request, Since: t.stamp}, ttl: e.TTL, try: e.Try, until: e.Until, stream: e.Stream, came: e.Came, attempt: e.Attempt,
		elsewhere: t.Guest || e.Attempt > 1,
	})
}

// comeBack is who waits asking again: it keeps its place.
func (t *turn) comeBack(i, at int, e Ask) {
	if p := t.queue[at]; p.stream != e.Stream {
		t.tell(p, Answer{Err: ErrOvertaken})
	}
	t.remember(e.ID, i)
	t.change(at, func(p *place) {
		p.ttl, p.try, p.until, p.stream, p.came, p.attempt = e.TTL, e.Try, e.Until, e.Stream, e.Came, e.Attempt
		p.away, p.recorded, p.elsewhere = time.Time{}, false, true
	})
}

func (t *turn) hangUp(e Leave) {
	if at := t.find(e.ID); at >= 0 && t.queue[at].stream == e.Stream {
		t.change(at, func(p *place) { p.away = t.now })
	}
	if p := t.unheard; p != nil && p.ID == e.ID && p.stream == e.Stream {
		t.gone = p
	}
}

func (t *turn) remember(id string, event int) {
	if t.asked == nil {
		t.asked, t.came = map[string]int{}, map[string]bool{}
	}
	t.asked[id] = event
}

// eventOf is the event by which a request asked in this turn, or -1.
func (t *turn) eventOf(id string) int {
	if i, ok := t.asked[id]; ok {
		return i
	}
	return -1
}

func (t *turn) change(at int, f func(*place)) {
	p := *t.queue[at]
	f(&p)
	t.queue[at] = &p
}

// leave drops who waited long enough, or was away for too long.
func (t *turn) leave() {
	t.queue = slices.DeleteFunc(t.queue, func(p *place) bool {
		expires := t.expires(p)
		if (expires.IsZero() || t.now.Before(expires)) && (p.until.IsZero() || t.now.Before(p.until)) {
			return false
		}
		t.refuseOne(p, t.held())
		return true
	})
}

// refuseOne tells who has a place that it will not get the lock. A grant of another home, which it had asked before, is not to be written then.
func (t *turn) refuseOne(p *place, why error) {
	t.tell(p, Answer{Err: why})
	t.overtakes = t.overtakes || p.elsewhere && p.present()
	t.drop(p)
}

// drop has the record not bring back who lost its place here.
func (t *turn) drop(p *place) {
	if t.Record.lists(p.ID) {
		t.dropped = append(slices.Clone(t.dropped), p.ID)
	}
}

// refuse tells those who would have to wait now, and may or will not.
func (t *turn) refuse() {
	wait := 0
	t.queue = slices.DeleteFunc(t.queue, func(p *place) bool {
		switch {
		case p.try && (p.present() || t.came[p.ID]): // who has not heard of its grant may ask again
			t.refuseOne(p, t.held())
		case t.came[p.ID] && wait >= t.MaxWaiters:
			t.refuseOne(p, ErrFull)
		default:
			wait++
			return false
		}
		return true
	})
}

// note brings the queue into the record: along with a change of hands, or where it is worth a write of its own.
func (t *turn) note(was Record) {
	if t.Guest {
		t.untold = time.Time{}
		if h := t.Record.Holder; h != nil && t.Record.lists(h.ID) {
			t.Record.Waiters = slices.DeleteFunc(slices.Clone(t.Record.Waiters), func(w Waiter) bool { return w.ID == h.ID })
			t.Record.Waiting--
		}
		return
	}
	first := make([]Waiter, min(len(t.queue), Durable))
	for i := range first {
		first[i] = t.queue[i].Waiter
	}
	told := t.Record.Waiting == len(t.queue) && slices.EqualFunc(t.Record.Waiters, first, func(a, b Waiter) bool { return a.ID == b.ID })
	switch {
	case told:
		t.untold = time.Time{}
		return
	case t.untold.IsZero():
		t.untold = t.now
	}
	if !t.Record.Same(was) || !t.now.Before(t.untold.Add(NoteAfter)) {
		t.Record.Waiters, t.Record.Waiting, t.untold, t.dropped = first, len(t.queue), time.Time{}, nil
	}
}

// visit gives those whom the record alone knows time to come, once this is where they are sent.
func (t *turn) visit() {
	if t.visited && !t.Guest {
		for i, p := range t.queue {
			if p.recorded {
				t.change(i, func(p *place) { p.away = t.now })
			}
		}
	}
	t.visited = t.Guest
}
