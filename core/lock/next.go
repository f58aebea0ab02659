package lock

import (
	"slices"
	"time"
)

// Next returns what comes after s when these events have happened, by now, and what is to be told once its Record is written. Where the
// Record is the Same nothing need be written. Where the write fails because the record is another by now, the same events are to be applied
// to the state after [State.Read]: they may be repeated.
func (s State) Next(events []Event, now time.Time) (State, []Answer) {
	t := turn{State: s, now: now, was: s.Record.Holder, stamp: now.Round(0).Truncate(time.Microsecond)}
	t.queue = slices.Clone(s.queue)
	t.visit()
	t.settleGranted()
	for i, e := range events {
		t.apply(i, e)
	}
	t.giveBack()
	t.expire()
	t.grant()
	t.leave()
	t.refuse()
	if t.overtakes && t.Record.Same(s.Record) {
		t.touch()
	}
	t.note(s.Record)
	if !t.Record.Same(s.Record) {
		t.Record.Ended = t.ended.last(DurablyEnded)
	}
	return t.State, t.answers
}

// turn is one Next under way.
type turn struct {
	State
	now time.Time
	// stamp is now as the API keeps it.
	stamp   time.Time
	answers []Answer
	// was is who held the lock before.
	was *Holder
	// asked has the index of the event by which a request asked this time, and came those that had no place before.
	asked map[string]int
	came  map[string]bool
	// gone is the unheard place whose stream has ended.
	gone *place
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

func (t *turn) apply(i int, e Event) {
	switch e := e.(type) {
	case Ask:
		t.ask(i, e)
	case Leave:
		t.hangUp(e)
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
		own := h.Home == t.Home
		kept, err := t.keep(h, p.attempt)
		if err == nil && own && p.attempt != 0 { // it was written here, and nobody was told who goes by it
			t.unheard = p
		}
		t.tell(p, Answer{Holder: kept, Err: err})
	}
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
