package zenlead

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// lockKey names a lock.
type lockKey struct{ namespace, name string }

func (k lockKey) String() string { return k.namespace + "/" + k.name }

// grant is what was granted, and what is known of it since.
type grant struct {
	lock  lockKey
	id    string
	token int64
	ttl   time.Duration
	// from is when what was last confirmed was sent: the ttl counts from then.
	from instant
	// home is the replica that keeps it, "" where that is not known.
	home string
	// attempt is how often the request was sent, renewals included: one that is overtaken on its way moves no holder.
	attempt int64
}

// renewal is what is sent next.
func (g *grant) renewal() *zenleadv1.Renewal {
	g.attempt++
	return &zenleadv1.Renewal{
		Lock: g.lock.name, Namespace: g.lock.namespace,
		Holding: &zenleadv1.Holding{RequestId: g.id, Token: g.token, Home: g.home, Attempt: g.attempt},
	}
}

// renewed takes over what became of a renewal. After one that may have been done or not, the home may be another.
func (g *grant) renewed(sent instant, r renewed) {
	switch {
	case r.err == nil:
		g.from, g.home = sent, r.home
	case errors.Is(r.err, ErrUnknown):
		g.home = ""
	}
}

// holding is a lock that is held, until its end.
type holding struct {
	now func() instant
	// life ends when the holder must stop, with the cause why.
	life context.Context
	end  context.CancelCauseFunc

	mu sync.Mutex
	grant
	// alarm ends it in time where nobody looks.
	alarm *time.Timer
	// underWay: a renewal is.
	underWay bool
	// tried is when the last renewal was sent, if that failed, and trouble why it did; nil if it did not.
	tried   instant
	trouble error
	// refused: zen-lead does not let it be renewed.
	refused bool
	// gone: all that it allowed has ended.
	gone bool
}

func newHolding(now func() instant, g grant) *holding {
	h := &holding{now: now, grant: g}
	h.life, h.end = context.WithCancelCause(context.Background())
	h.mu.Lock()
	defer h.mu.Unlock()
	h.alarm = time.AfterFunc(h.left(workTime), h.ring)
	return h
}

// left is what is left of a time that counts from the last renewal. The mutex is held.
func (h *holding) left(of func(time.Duration) time.Duration) time.Duration {
	return of(h.ttl) - h.now().since(h.from)
}

// err is nil while the lock is held: it asks the clocks, and not whether a timer has come.
func (h *holding) err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.judge()
}

// judge ends what is over. The mutex is held.
func (h *holding) judge() error {
	if h.life.Err() == nil && h.left(workTime) <= 0 {
		lost := fmt.Errorf("%w: no renewal came through for %v", ErrLost, workTime(h.ttl))
		if h.trouble != nil {
			lost = fmt.Errorf("%w: %v", lost, h.trouble) //nolint:errorlint // it must not be another sentinel as well
		}
		h.stop(lost)
	}
	return context.Cause(h.life)
}

// stop has the holder stop. The mutex is held.
func (h *holding) stop(cause error) {
	h.end(cause)
	h.alarm.Stop()
}

// ring is a timer that comes when it must be over, or early where it was renewed meanwhile.
func (h *holding) ring() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.judge() == nil {
		h.alarm.Reset(h.left(workTime))
	}
}

// times is what is left of it: until work is told to end, and until it must have ended.
func (h *holding) times() (work, hard time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	work, hard = h.left(workTime), h.left(hardTime)
	if h.judge() != nil {
		work = min(work, 0)
	}
	if h.gone {
		hard = min(hard, 0)
	}
	return work, hard
}

// due says in how long the lock is to be renewed, and whether it may be now, along with another: once half of that time has passed. ok is
// false where it is not to be renewed any more.
func (h *holding) due() (in time.Duration, ripe, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.judge() != nil:
		return 0, false, false
	case h.underWay || h.refused:
		return lookAgain, false, true
	case h.trouble != nil:
		in = retryTime(h.ttl) - h.now().since(h.tried)
		return in, in <= 0, true
	}
	in = h.left(renewTime)
	return in, in <= renewTime(h.ttl)/2, true
}

// renew begins a renewal.
func (h *holding) renew() *zenleadv1.Renewal {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.underWay = true
	return h.renewal()
}

// settle ends a renewal that was sent. One that is answered too late brings nothing back.
func (h *holding) settle(sent instant, r renewed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.underWay = false
	if h.judge() != nil {
		return
	}
	h.renewed(sent, r)
	h.tried, h.trouble = sent, r.err
	switch {
	case r.err == nil:
		h.alarm.Reset(h.left(workTime))
	case errors.Is(r.err, ErrLost) || errors.Is(r.err, ErrUnknownLock):
		h.stop(lostBy(r.err))
	case errors.Is(r.err, ErrForbidden):
		h.refused = true
	}
}

// leave has the holder stop because it gives the lock up, and says whether zen-lead is to be told. The error is why it had to stop before.
func (h *holding) leave() (tell bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err = h.judge(); err == nil {
		h.stop(errReleased)
	}
	tell = !h.gone
	h.gone = true
	return tell, err
}

// lostBy is the error of a holder that zen-lead has told that it holds nothing.
func lostBy(err error) error {
	if answer, ok := errors.AsType[*Error](err); ok {
		return &Error{Reason: answer.Reason, Message: answer.Message, kind: ErrLost}
	}
	return err
}
