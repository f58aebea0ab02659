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
	t := turn{State: s, now: now, stamp: now.Round(0).Truncate(time.Microsecond)}
	t.queue = slices.Clone(s.queue)
	t.visit()
	t.settleGranted()
	for i, e := range events {
		t.apply(i, e)
	}
	t.expire()
	t.leave()
	t.grant()
	t.refuse()
	if t.overtakes && t.Record.Same(s.Record) {
		t.touch()
	}
	t.note(s.Record)
	return t.State, t.answers
}

// turn is one Next under way.
type turn struct {
	State
	now time.Time
	// stamp is now as the API keeps it.
	stamp   time.Time
	answers []Answer
	// asked has the index of the event by which a request asked this time, and came those that had no place before.
	asked map[string]int
	came  map[string]bool
	// ending is why the holder ended in this turn; "" if none did.
	ending Transition
	// overtakes: what other homes decided on this version of the record is not to be written any more.
	overtakes bool
}

func (t *turn) answer(a Answer) { t.answers = append(t.answers, a) }

// tell answers who has a place. Nobody hears it who is away.
func (t *turn) tell(p *place, a Answer) {
	if !p.present() {
		return
	}
	a.Event, a.ID, a.Stream = t.eventOf(p.ID), p.ID, p.stream
	if a.Holder != nil {
		a.Waited = t.now.Sub(p.came)
	}
	t.answer(a)
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
		kept, err := t.renew(e)
		t.answer(Answer{Event: i, ID: e.ID, Holder: kept, Err: err})
	case Force:
		t.answer(Answer{Event: i, Err: t.force(e)})
	}
}

// settleGranted takes out of the queue who holds the lock, or did: its grant was written and not heard of, or another home granted it.
func (t *turn) settleGranted() {
	t.queue = slices.DeleteFunc(t.queue, func(p *place) bool {
		if p.over {
			t.tell(p, Answer{Err: ErrFinished})
		}
		return p.over
	})
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
	switch {
	case !p.present(): // where it is now it hears another home
	case h.Account != p.Account:
		t.tell(p, Answer{Err: ErrForeign})
	default:
		kept, err := t.keep(h, p.attempt)
		t.tell(p, Answer{Holder: kept, Err: err})
	}
}

// keep makes this the holder's home, and notes that it was heard of: its request proves it.
func (t *turn) keep(h *Holder, attempt int64) (*Holder, error) {
	switch {
	case h.Forced != nil:
		return nil, lostByForce(h)
	case attempt < h.Attempt, attempt == h.Attempt && attempt != 0 && h.Home != t.Home:
		return nil, ErrOvertaken
	case attempt != h.Attempt || h.Home != t.Home:
		moved := *h
		moved.Home, moved.Attempt = t.Home, attempt
		h = &moved
		t.Record.Holder, t.Silent = h, time.Time{}
	}
	t.heard = t.now
	return h, nil
}

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
	if t.hasEnded(e.ID) {
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
	elsewhere := !t.hasEnded(e.ID)
	if at := t.find(e.ID); at >= 0 {
		p := t.queue[at]
		if p.Account != e.Account {
			return ErrForeign
		}
		elsewhere = p.elsewhere || p.recorded
		t.tell(p, Answer{Err: ErrFinished})
		t.queue = slices.Delete(t.queue, at, at+1)
		t.drop(p)
		t.ended = finish(t.ended, end{id: e.ID, lost: e.Token != 0, why: "it was granted by another home"})
	}
	if e.Token == 0 { // it may have overtaken what it is to end
		t.overtakes = t.overtakes || e.Settle && elsewhere
		t.ended = finish(t.ended, end{id: e.ID})
		return nil
	}
	switch ended, ok := t.howEnded(e.ID); {
	case ok && ended.lost:
		return fmt.Errorf("%w: %s", ErrLost, ended.why)
	case ok:
		return nil
	}
	return t.lost()
}

func (t *turn) renew(e Renew) (*Holder, error) {
	switch h := t.Record.Holder; {
	case h == nil || h.ID != e.ID || h.Token != e.Token:
		return nil, t.lost()
	case h.Account != e.Account:
		return nil, ErrForeign
	default:
		return t.keep(h, e.Attempt)
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
	t.ended = finish(t.ended, end{id: t.Record.Holder.ID, lost: why != Released, why: message})
	if why == ByForce {
		t.Record.Token = t.nextToken() // whoever compares with the record sees that the holder's is an old one
	}
	t.Record.Holder = nil
	t.ending = Transition{Reason: why, Time: t.stamp, Message: message}
	t.Record.Last = t.ending
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

// grant gives a free lock to the first who is there.
func (t *turn) grant() {
	if t.Record.Holder != nil || t.now.Before(t.NotBefore) {
		return
	}
	at := slices.IndexFunc(t.queue, (*place).present)
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
	h := &Holder{Request: p.Request, Token: token, TTL: p.ttl, Home: t.Home, Attempt: p.attempt, Since: t.stamp}
	t.Record.Holder, t.Record.Token, t.heard, t.Silent = h, token, t.now, time.Time{}
	if t.ending.Reason == "" {
		t.Record.Last = Transition{Reason: Granted, Time: t.stamp, Message: fmt.Sprintf("%s got it: it was free", h.Name())}
	} else {
		t.Record.Last.Message += fmt.Sprintf("; %s got it", h.Name())
	}
	t.tell(p, Answer{Holder: h})
}

// touch changes the record without anything having changed. What is written down of the last transition stays, but for its time.
func (t *turn) touch() {
	last := t.Record.Last
	if last.Reason == "" {
		last = Transition{Reason: Released, Message: "a request was given up"}
	}
	if last.Time.Equal(t.stamp) {
		last.Time = last.Time.Add(time.Microsecond)
	} else {
		last.Time = t.stamp
	}
	t.Record.Last = last
}

// nextToken is larger than all before it, of this record and of those that had its name: they were granted on smaller versions.
func (t *turn) nextToken() int64 { return max(t.Record.Token+1, t.Version) }

// refuse tells those who would have to wait now, and may or will not.
func (t *turn) refuse() {
	wait := 0
	t.queue = slices.DeleteFunc(t.queue, func(p *place) bool {
		switch {
		case p.try:
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

func (t *turn) held() error {
	if h := t.Record.Holder; h != nil {
		return fmt.Errorf("%w: %s, since %s", ErrHeld, h.Name(), h.Since.UTC().Format(time.RFC3339))
	}
	return ErrHeld
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

// Name is how people know it.
func (r Request) Name() string {
	if r.Owner != "" {
		return r.Owner
	}
	return r.Account
}
