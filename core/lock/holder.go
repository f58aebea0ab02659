package lock

import (
	"fmt"
	"slices"
	"time"
)

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
	t.heard, t.unheard = t.now, nil
	return h, nil
}

func (t *turn) release(e Release) error {
	if h := t.Record.Holder; h != nil && h.ID == e.ID {
		switch {
		case h.Account != e.Account:
			return ErrForeign
		case e.Token != 0 && e.Token != h.Token:
			return fmt.Errorf("%w: its token is %d", ErrLost, h.Token)
		}
		t.giveUp(h)
		return nil
	}
	r := Request{ID: e.ID, Account: e.Account}
	elsewhere := !t.hasEnded(r)
	if at := t.find(e.ID); at >= 0 {
		p := t.queue[at]
		if p.Account != e.Account {
			return ErrForeign
		}
		elsewhere = p.elsewhere || p.recorded
		t.tell(p, Answer{Err: ErrFinished})
		t.queue = slices.Delete(t.queue, at, at+1)
		t.drop(p)
		t.ended = finish(t.ended, end{mark: markOf(r), lost: e.Token != 0, why: "it was granted by another home"})
	}
	if e.Token == 0 { // it may have overtaken what it is to end
		t.overtakes = t.overtakes || e.Settle && elsewhere
		t.ended = finish(t.ended, end{mark: markOf(r)})
		return nil
	}
	switch ended, ok := t.howEnded(r); {
	case ok && ended.lost && ended.why != "":
		return fmt.Errorf("%w: %s", ErrLost, ended.why)
	case ok && !ended.lost:
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

func forcedFrom(h *Holder) string {
	return fmt.Sprintf("%s took it from %s: %s", h.Forced.By, h.Name(), h.Forced.Reason)
}

// expire ends a holder whose time has passed.
func (t *turn) expire() {
	at, ok := t.Frees()
	if !ok || t.now.Before(at) {
		return
	}
	switch h := t.Record.Holder; {
	case h.Forced != nil:
		t.end(ByForce, forcedFrom(h))
	case h.Home != t.Home:
		t.end(Expired, fmt.Sprintf("%s was not heard of, and neither was %s, which kept it", h.Name(), h.Home))
	default:
		t.end(Expired, fmt.Sprintf("%s was not heard of for %s", h.Name(), Wait(h.TTL)))
	}
}

// end ends a holder that loses the lock.
func (t *turn) end(why Reason, message string) {
	t.ended = finish(t.ended, end{mark: markOf(t.Record.Holder.Request), lost: true, why: message})
	t.free(why, message)
}

// giveUp ends a holder that releases the lock, be it because it was told that somebody takes it: then the record says by whom.
func (t *turn) giveUp(h *Holder) {
	why, message := Released, fmt.Sprintf("%s released it", h.Name())
	if h.Forced != nil {
		why, message = ByForce, forcedFrom(h)+"; "+message
	}
	t.ended = finish(t.ended, end{mark: markOf(h.Request)})
	t.free(why, message)
}

// giveBack has a holder wait again that has gone without having heard of its grant, unless it asked again. It is the next once it is there.
func (t *turn) giveBack() {
	h := t.Record.Holder
	switch {
	case t.gone == nil, t.gone != t.unheard, h.Home != t.Home:
		return
	case t.Guest: // which does not write down who waits
		return
	case h.Forced != nil:
		t.end(ByForce, forcedFrom(h))
		return
	}
	p := *t.gone
	p.away = t.now
	t.queue = slices.Insert(t.queue, 0, &p)
	t.free(Undelivered, fmt.Sprintf("%s had gone before it heard of its grant", p.Name()))
}

func (t *turn) free(why Reason, message string) {
	if why == ByForce {
		t.Record.Token = t.nextToken() // whoever compares with the record sees that the holder's is an old one
	}
	t.Record.Holder, t.unheard = nil, nil
	t.ending = Transition{Reason: why, Time: t.stamp, Message: message}
	t.Record.Last = t.ending
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
	t.Record.Holder, t.Record.Token, t.heard, t.Silent, t.unheard = h, token, t.now, time.Time{}, p
	if t.ending.Reason == "" {
		t.Record.Last = Transition{Reason: Granted, Time: t.stamp, Message: fmt.Sprintf("%s got it: it was free", h.Name())}
	} else {
		t.Record.Last.Message += fmt.Sprintf("; %s got it", h.Name())
	}
	t.tell(p, Answer{Holder: h})
}

// nextToken is larger than all before it, of this record and of those that had its name: they were granted on smaller versions, unless somebody
// had raised them.
func (t *turn) nextToken() int64 { return max(t.Record.Token+1, t.Version) }

func (t *turn) held() error {
	if h := t.Record.Holder; h != nil {
		return fmt.Errorf("%w: %s, since %s", ErrHeld, h.Name(), h.Since.UTC().Format(time.RFC3339))
	}
	return ErrHeld
}
