package lock

import (
	"fmt"
	"slices"
	"time"
)

// Next returns what comes after s when these events have happened, by now, and what is to be told once its Record is written. Where the
// Record is the Same nothing need be written. Where the write fails because the record is another by now, the same events are to be applied
// to the state after [State.Read]: they may be repeated.
func (s State) Next(events []Event, now time.Time) (State, []Answer) {
	t := turn{State: s, now: now}
	t.queue = slices.Clone(s.queue)
	t.settleGranted()
	for i, e := range events {
		t.apply(i, e)
	}
	t.expire()
	t.leave()
	t.grant()
	t.refuseTries()
	t.note(s.Record)
	return t.State, t.answers
}

// turn is one Next under way.
type turn struct {
	State
	now     time.Time
	answers []Answer
	// asked has the index of the event by which a request asked this time.
	asked map[string]int
	// ending is why the holder ended in this turn; "" if none did.
	ending Transition
}

func (t *turn) answer(a Answer) { t.answers = append(t.answers, a) }

func (t *turn) apply(i int, e Event) {
	switch e := e.(type) {
	case Ask:
		t.ask(i, e)
	case Leave:
		if at := t.find(e.ID); at >= 0 && t.queue[at].stream == e.Stream {
			t.change(at, func(p *place) { p.away = t.now })
		}
	case Release:
		t.answer(Answer{Event: i, ID: e.ID, Err: t.release(e)})
	case Renew:
		t.renew(i, e)
	case Force:
		t.answer(Answer{Event: i, Err: t.force(e)})
	}
}

// settleGranted takes who holds the lock out of the queue: its grant was written and not heard of.
func (t *turn) settleGranted() {
	h := t.Record.Holder
	if h == nil {
		return
	}
	at := t.find(h.ID)
	if at < 0 {
		return
	}
	p := t.queue[at]
	t.queue = slices.Delete(t.queue, at, at+1)
	if h.Forced != nil {
		t.answer(Answer{Event: -1, ID: h.ID, Err: lostByForce(h)})
		return
	}
	h = t.comeHome(h)
	t.answer(Answer{Event: -1, ID: h.ID, Holder: h, Waited: t.now.Sub(p.came)})
}

// comeHome makes this the holder's home: its request and token prove it.
func (t *turn) comeHome(h *Holder) *Holder {
	if h.Home != t.Home {
		moved := *h
		moved.Home = t.Home
		h = &moved
		t.Record.Holder, t.Silent = h, time.Time{}
	}
	t.heard = t.now
	return h
}

func (t *turn) ask(i int, e Ask) {
	if h := t.Record.Holder; h != nil && h.ID == e.ID {
		switch {
		case h.Account != e.Account:
			t.answer(Answer{Event: i, ID: e.ID, Err: ErrForeign})
		case h.Forced != nil:
			t.answer(Answer{Event: i, ID: e.ID, Err: lostByForce(h)})
		default:
			t.answer(Answer{Event: i, ID: e.ID, Holder: t.comeHome(h), Waited: t.now.Sub(e.Came)})
		}
		return
	}
	if t.hasEnded(e.ID) {
		t.answer(Answer{Event: i, ID: e.ID, Err: ErrFinished})
		return
	}
	if at := t.find(e.ID); at >= 0 {
		t.comeBack(i, at, e)
		return
	}
	waits := len(t.queue) > 0 || t.Record.Holder != nil
	if waits && !e.Try && len(t.queue) >= t.MaxWaiters {
		t.answer(Answer{Event: i, ID: e.ID, Err: ErrFull})
		return
	}
	t.remember(e.ID, i)
	t.queue = append(t.queue, &place{
		Waiter: Waiter{Request: e.Request, Since: t.now}, ttl: e.TTL, try: e.Try, until: e.Until, stream: e.Stream, came: e.Came,
	})
}

// comeBack is who waits asking again: it keeps its place.
func (t *turn) comeBack(i, at int, e Ask) {
	if t.queue[at].Account != e.Account {
		t.answer(Answer{Event: i, ID: e.ID, Err: ErrForeign})
		return
	}
	t.remember(e.ID, i)
	t.change(at, func(p *place) {
		p.ttl, p.try, p.until, p.stream, p.came, p.away = e.TTL, e.Try, e.Until, e.Stream, e.Came, time.Time{}
	})
}

func (t *turn) remember(id string, event int) {
	if t.asked == nil {
		t.asked = map[string]int{}
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

func (t *turn) release(e Release) error {
	if h := t.Record.Holder; h != nil && h.ID == e.ID {
		switch {
		case h.Account != e.Account:
			return ErrForeign
		case e.Token != 0 && e.Token != h.Token:
			return fmt.Errorf("%w: its token is %d", ErrLost, h.Token)
		}
		t.end(Released, fmt.Sprintf("%s released it", h.Name()))
		return nil
	}
	if at := t.find(e.ID); at >= 0 {
		if t.queue[at].Account != e.Account {
			return ErrForeign
		}
		t.queue = slices.Delete(t.queue, at, at+1)
		t.finish(e.ID)
		return nil
	}
	if e.Token == 0 { // it may have overtaken what it is to end
		t.finish(e.ID)
		return nil
	}
	if t.hasEnded(e.ID) {
		return nil
	}
	return t.lost()
}

func (t *turn) renew(i int, e Renew) {
	h := t.Record.Holder
	switch {
	case h == nil || h.ID != e.ID || h.Token != e.Token:
		t.answer(Answer{Event: i, ID: e.ID, Err: t.lost()})
	case h.Account != e.Account:
		t.answer(Answer{Event: i, ID: e.ID, Err: ErrForeign})
	case h.Forced != nil:
		t.answer(Answer{Event: i, ID: e.ID, Err: lostByForce(h)})
	default:
		t.answer(Answer{Event: i, ID: e.ID, Holder: t.comeHome(h)})
	}
}

func (t *turn) force(e Force) error {
	h := t.Record.Holder
	if h == nil || h.Token != e.Token {
		return t.lost()
	}
	if e.Now {
		t.end(ByForce, fmt.Sprintf("%s took it from %s at once: %s", e.By, h.Name(), e.Reason))
		return nil
	}
	if h.Forced == nil {
		forced := *h
		forced.Forced = &e.Forced
		t.Record.Holder = &forced
	}
	return nil
}

// lost says who has the lock now.
func (t *turn) lost() error {
	if h := t.Record.Holder; h != nil {
		return fmt.Errorf("%w: %s holds it with token %d", ErrLost, h.Name(), h.Token)
	}
	return fmt.Errorf("%w: nobody holds it; %s", ErrLost, t.Record.Last.Message)
}

func lostByForce(h *Holder) error {
	return fmt.Errorf("%w: %s takes it: %s", ErrLost, h.Forced.By, h.Forced.Reason)
}

// expire ends a holder whose time has passed.
func (t *turn) expire() {
	at, ok := t.Frees()
	if !ok || t.now.Before(at) {
		return
	}
	switch h := t.Record.Holder; {
	case h.Forced != nil:
		t.end(ByForce, fmt.Sprintf("%s took it from %s: %s", h.Forced.By, h.Name(), h.Forced.Reason))
	case h.Home != t.Home:
		t.end(Expired, fmt.Sprintf("%s was not heard of, and neither was %s, which kept it", h.Name(), h.Home))
	default:
		t.end(Expired, fmt.Sprintf("%s was not heard of for %s", h.Name(), Wait(h.TTL)))
	}
}

// end ends the holder.
func (t *turn) end(why Reason, message string) {
	t.finish(t.Record.Holder.ID)
	if why == ByForce {
		t.Record.Token = t.nextToken() // whoever compares with the record sees that the holder's is an old one
	}
	t.Record.Holder = nil
	t.ending = Transition{Reason: why, Time: t.now, Message: message}
	t.Record.Last = t.ending
}

func (t *turn) finish(id string) {
	if !t.hasEnded(id) {
		t.ended = append(t.ended[max(0, len(t.ended)-remembered+1):len(t.ended):len(t.ended)], id)
	}
}

// leave drops who waited long enough, or was away for too long.
func (t *turn) leave() {
	t.queue = slices.DeleteFunc(t.queue, func(p *place) bool {
		switch {
		case !p.away.IsZero() && !t.now.Before(p.away.Add(Grace)):
			t.answer(Answer{Event: -1, ID: p.ID, Err: ErrHeld})
			return true
		case !p.until.IsZero() && !t.now.Before(p.until):
			t.answer(Answer{Event: t.eventOf(p.ID), ID: p.ID, Err: t.held()})
			return true
		}
		return false
	})
}

// grant gives a free lock to the first who is there.
func (t *turn) grant() {
	if t.Record.Holder != nil || t.now.Before(t.NotBefore) {
		return
	}
	at := slices.IndexFunc(t.queue, func(p *place) bool { return p.away.IsZero() })
	if at < 0 {
		return
	}
	p := t.queue[at]
	t.queue = slices.Delete(t.queue, at, at+1)
	// One write raises the token once, also where it took the lock from somebody.
	token := t.Record.Token
	if t.ending.Reason != ByForce {
		token = t.nextToken()
	}
	h := &Holder{Request: p.Request, Token: token, TTL: p.ttl, Home: t.Home, Since: t.now}
	t.Record.Holder, t.Record.Token, t.heard, t.Silent = h, token, t.now, time.Time{}
	if t.ending.Reason == "" {
		t.Record.Last = Transition{Reason: Granted, Time: t.now, Message: fmt.Sprintf("%s got it: it was free", h.Name())}
	} else {
		t.Record.Last.Message += fmt.Sprintf("; %s got it", h.Name())
	}
	t.answer(Answer{Event: t.eventOf(p.ID), ID: p.ID, Holder: h, Waited: t.now.Sub(p.came)})
}

// nextToken is larger than all before it, of this record and of those that had its name: they were granted on smaller versions.
func (t *turn) nextToken() int64 { return max(t.Record.Token+1, t.Version) }

func (t *turn) refuseTries() {
	t.queue = slices.DeleteFunc(t.queue, func(p *place) bool {
		if p.try {
			t.answer(Answer{Event: t.eventOf(p.ID), ID: p.ID, Err: t.held()})
		}
		return p.try
	})
}

func (t *turn) held() error {
	if h := t.Record.Holder; h != nil {
		return fmt.Errorf("%w: %s, since %s", ErrHeld, h.Name(), h.Since.UTC().Format(time.RFC3339))
	}
	return ErrHeld
}

// note brings the queue into the record: along with a change of hands, or where it is worth a write of its own.
func (t *turn) note(was Record) {
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
		t.Record.Waiters, t.Record.Waiting, t.untold = first, len(t.queue), time.Time{}
	}
}

// Name is how people know it.
func (r Request) Name() string {
	if r.Owner != "" {
		return r.Owner
	}
	return r.Account
}
