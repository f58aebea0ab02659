package locker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/kube-zen/zen-lead/test/election"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// margin is by how much clocks may differ.
const margin = 0.05

// hold is a lock that is held.
type hold struct {
	w        *worker
	lock, id string
	token    int64
	ttl      time.Duration

	mu sync.Mutex
	// from is what its time counts from: before what was answered last was sent.
	from    time.Duration
	home    string
	attempt int64
	lost    string
}

var errTime = errors.New("its time has passed")

// part is a part of the ttl.
func (h *hold) part(f float64) time.Duration { return time.Duration(float64(h.ttl) * f) }

// until is when the time of a holder passes whose time counts from at.
func (h *hold) until(at time.Duration) time.Duration { return at + h.part(1-margin) }

// valid says whether the lock may be used: a renewal that was sent less than two thirds of the ttl ago was answered.
func (h *hold) valid() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.lost != "":
		return errors.New(h.lost)
	case election.Now() >= h.from+h.part(2./3):
		return errTime
	}
	return nil
}

// begin renews the lock if most of its time has passed while the answer was on its way.
func (h *hold) begin(ctx context.Context) {
	for h.lost == "" && election.Now() > h.from+h.part(1./3) && election.Now() < h.from+2*h.ttl {
		h.renew(ctx)
	}
}

// keep renews the lock until ctx ends or it is lost.
func (h *hold) keep(ctx context.Context) {
	for {
		h.mu.Lock()
		due, over := h.from+h.part(1./3), h.lost != ""
		h.mu.Unlock()
		if over {
			return
		}
		pass(ctx, due-election.Now())
		if ctx.Err() != nil {
			return
		}
		h.renew(ctx)
	}
}

// renew sends one renewal. One whose outcome is not known is followed by one that names no home, at another replica.
func (h *hold) renew(ctx context.Context) {
	h.mu.Lock()
	holding := &zenleadv1.Holding{RequestId: h.id, Token: h.token, Home: h.home, Attempt: h.attempt}
	h.mu.Unlock()
	sent := election.Now()
	e := Event{At: sent, Name: Renews, Lock: h.lock, Request: h.id, Token: h.token, Attempt: holding.GetAttempt(), Home: holding.GetHome()}
	h.w.tell(e)
	bounded, cancel := context.WithTimeout(bearing(ctx, h.w.Token), h.part(1./6))
	defer cancel()
	r, err := h.w.service().RenewLock(bounded, &zenleadv1.RenewLockRequest{Lock: h.lock, Namespace: h.w.Namespace, Holding: holding})
	e.At, e.Name, e.Outcome, e.Home = 0, Renewed, outcome(err), r.GetHome()
	h.mu.Lock()
	switch {
	case err == nil:
		h.from, h.home = sent, r.GetHome()
		e.Until = h.until(sent)
	case open(e.Outcome):
		h.home = ""
		h.attempt++
	default:
		h.lost = e.Outcome
	}
	h.mu.Unlock()
	h.w.tell(e)
	if err != nil {
		h.w.elsewhere()
		pass(ctx, h.part(1./60))
	}
}

// release gives the lock up, and does not return before that is certain or was tried for long.
func (h *hold) release(ctx context.Context) {
	h.w.tell(Event{Name: Releases, Lock: h.lock, Request: h.id, Token: h.token})
	said := h.w.release(ctx, h.lock, h.id, h.token)
	h.w.tell(Event{Name: Released, Lock: h.lock, Request: h.id, Token: h.token, Outcome: said})
}

// pass waits.
func pass(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
