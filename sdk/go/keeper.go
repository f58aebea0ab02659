package zenlead

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

const (
	// lookAgain is how late, at most, a lock is seen to be over after the machine was suspended: timers stand still then.
	lookAgain = time.Second
	// mostRenewed is how many locks one request may renew.
	mostRenewed = 1000
)

var (
	errSlow = fmt.Errorf("%w: there was no answer in time", ErrUnavailable)
	// errAbandoned is why a lock is over that nobody gave up.
	errAbandoned = fmt.Errorf("%w: %w while the lock was held", ErrUnknown, errClosed)
)

// keeper renews all that a client holds. A timer has it look; nothing else runs while nothing is due.
type keeper struct {
	*shared

	mu    sync.Mutex
	held  map[*holding]struct{}
	timer *time.Timer
	// at is when the timer comes.
	at     time.Time
	closed bool
}

// add has a lock renewed from now on, unless the client is closed.
func (k *keeper) add(h *holding) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		h.end(errAbandoned)
		return errClosed
	}
	if k.held == nil {
		k.held = map[*holding]struct{}{}
		k.timer = time.AfterFunc(time.Hour, k.look)
	}
	if len(k.held) == 0 {
		k.arm(lookAgain)
	}
	k.held[h] = struct{}{}
	k.sooner(h)
	return nil
}

// sooner has it look when a lock is due, if that is before it looks anyway. The mutex is held.
func (k *keeper) sooner(h *holding) {
	if in, _, ok := h.due(); ok && len(k.held) > 0 && in < time.Until(k.at) {
		k.arm(in)
	}
}

// arm has it look in a while, which is lookAgain at most. The mutex is held.
func (k *keeper) arm(in time.Duration) {
	k.at = time.Now().Add(in)
	k.timer.Reset(in)
}

// drop forgets a lock that is not held any more.
func (k *keeper) drop(h *holding) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.held, h)
	if len(k.held) == 0 && k.timer != nil {
		k.timer.Stop()
	}
}

// close ends all that is held, without giving it up: what it allowed may go on.
func (k *keeper) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	for h := range k.held {
		h.end(errAbandoned)
	}
	clear(k.held)
	if k.timer != nil {
		k.timer.Stop()
	}
}

// look ends what is over and renews what is due. A request that is sent takes along what is due before long, as much as there is room for: so
// locks that were taken one by one come to be renewed by few requests, and those do not come all at once.
func (k *keeper) look() {
	k.mu.Lock()
	defer k.mu.Unlock()
	sent, next := k.now(), lookAgain
	var ripe []ripening
	for h := range k.held {
		in, along, ok := h.due()
		switch {
		case !ok:
			delete(k.held, h)
		case along:
			ripe = append(ripe, ripening{h, in})
		default:
			next = min(next, in)
		}
	}
	now, later := filled(ripe)
	for _, list := range requests(now) {
		k.renew(sent, list)
	}
	if len(later) > 0 {
		next = min(next, later[0].in)
	}
	if len(k.held) > 0 {
		k.arm(next)
	}
}

// ripening is a lock that may be renewed, and is to be in a while.
type ripening struct {
	holding *holding
	in      time.Duration
}

// filled is what is due, with as much of what will be as the last request has room for, the first first.
func filled(ripe []ripening) (now []*holding, later []ripening) {
	slices.SortFunc(ripe, func(a, b ripening) int { return cmp.Compare(a.in, b.in) })
	for i, r := range ripe {
		if r.in > 0 && i%mostRenewed == 0 {
			return now, ripe[i:]
		}
		now = append(now, r.holding)
	}
	return now, nil
}

// requests divides what is to be renewed: into as many as one request may have, and by ttl, so that none is given less than half of its time
// to answer for the sake of another.
func requests(list []*holding) [][]*holding {
	slices.SortFunc(list, func(a, b *holding) int { return cmp.Compare(a.ttl, b.ttl) })
	var all [][]*holding
	for from, to := 0, 0; to < len(list); from = to {
		for to < len(list) && to-from < mostRenewed && list[to].ttl <= 2*list[from].ttl {
			to++
		}
		all = append(all, list[from:to])
	}
	return all
}

// renew sends one request, and sees to what is to be sent again.
func (k *keeper) renew(sent instant, list []*holding) {
	r := make([]*zenleadv1.Renewal, len(list))
	for i, h := range list {
		r[i] = h.renew()
	}
	go func() {
		ctx, cancel := context.WithTimeoutCause(k.life, tryTime(list[0].ttl), errSlow)
		defer cancel()
		all := k.transport.renew(ctx, r)
		k.mu.Lock()
		defer k.mu.Unlock()
		for i, h := range list {
			h.settle(sent, all[i])
			k.sooner(h)
		}
	}()
}
