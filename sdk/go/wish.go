package zenlead

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// answerTime is how long an answer may take that waits for nobody. It is asked for again then.
const answerTime = 5 * time.Second

// wish is one wish to hold a lock, under one request id however often it is sent.
type wish struct {
	*shared
	lock lockKey
	id   string
	// try: the lock is not to be waited for.
	try bool
	// open: the lock may be held by this wish, or come to be.
	open bool
	// attempt is how often it was sent: one that is overtaken on its way moves nothing.
	attempt int64
}

// take takes a lock. What it leaves open where it fails is given up.
func (s *shared) take(ctx context.Context, lock lockKey, try bool) (*holding, error) {
	ctx, cancel := s.during(ctx)
	defer cancel()
	w := s.wish(lock, try)
	g, err := w.ask(ctx)
	var again failures
	for final(err) && errors.Is(err, ErrReleased) { // not by who asks: it was granted the lock, and has not heard of that in time
		tellTrouble(ctx, err)
		if !again.wait(ctx) {
			err = ended(ctx, err)
			break
		}
		w = s.wish(lock, try)
		g, err = w.ask(ctx)
	}
	if err == nil {
		err = w.freshen(ctx, &g)
	}
	var h *holding
	if err == nil {
		h = newHolding(s.now, g)
		err = s.keeper.add(h)
	}
	if err == nil {
		return h, nil
	}
	if w.open {
		s.giveUp(lock, &zenleadv1.Holding{RequestId: w.id}, g.ttl)
	}
	return nil, fmt.Errorf("take lock %v: %w", lock, err)
}

func (s *shared) wish(lock lockKey, try bool) wish {
	return wish{shared: s, lock: lock, id: rand.Text(), try: try}
}

// ask asks for the lock until there is an answer, or ctx ends.
func (w *wish) ask(ctx context.Context) (grant, error) {
	var again failures
	var trouble error
	for {
		sent := w.now()
		granted, err := w.once(ctx)
		switch {
		case err == nil:
			w.open = true
			return grant{
				lock: w.lock, id: w.id, token: granted.GetToken(), ttl: ttlOf(granted), home: granted.GetHome(), attempt: w.attempt,
				from: heard(sent, w.now(), time.Duration(granted.GetWaitedMs())*time.Millisecond),
			}, nil
		case ctx.Err() != nil: // whose cause may be an error of zen-lead about something else
			w.open = w.open || errors.Is(err, ErrUnknown) || final(err)
			return grant{}, ended(ctx, trouble)
		case final(err):
			w.open = w.open && !errors.Is(err, ErrReleased) // that no other answer to this id can come after
			return grant{}, err
		}
		w.open = w.open || errors.Is(err, ErrUnknown)
		if !mends(err) {
			return grant{}, err
		}
		tellTrouble(ctx, err)
		if trouble = err; w.now().since(sent) >= longestDelay {
			again = 0
		}
		again.wait(ctx)
	}
}

// once sends the wish and waits for what becomes of it.
func (w *wish) once(ctx context.Context) (*zenleadv1.Granted, error) {
	w.attempt++
	a := &zenleadv1.Acquisition{RequestId: w.id, Owner: owner(), Attempt: w.attempt}
	if w.try {
		a.Wait = durationpb.New(0)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, answerTime, errSlow)
		defer cancel()
	}
	granted, err := w.transport.acquire(ctx, &zenleadv1.AcquireRequest{Lock: w.lock.name, Namespace: w.lock.namespace, Acquisition: a})
	if err == nil && (granted.GetRequestId() != w.id || granted.GetToken() <= 0 || granted.GetTtlSeconds() <= 0) {
		err = settleLock(errNotOurs, true)
	}
	return granted, err
}

// freshen renews a grant of which a third is over before any work has begun: after a long wait, or a long way back.
func (w *wish) freshen(ctx context.Context, g *grant) error {
	var again failures
	for w.now().since(g.from) >= renewTime(g.ttl) {
		sent := w.now()
		try, cancel := context.WithTimeoutCause(ctx, tryTime(g.ttl), errSlow)
		r := w.transport.renew(try, []*zenleadv1.Renewal{g.renewal()})[0]
		cancel()
		g.renewed(sent, r)
		switch {
		case r.err == nil:
		case ctx.Err() != nil:
			return ended(ctx, r.err)
		case final(r.err):
			w.open = !errors.Is(r.err, ErrLost)
			return r.err
		case !mends(r.err):
			return r.err
		default:
			again.wait(ctx)
		}
	}
	return nil
}

func ttlOf(g *zenleadv1.Granted) time.Duration { return time.Duration(g.GetTtlSeconds()) * time.Second }

// mends says whether an error may be another if one asks again.
func mends(err error) bool {
	for _, e := range []error{ErrUnknown, ErrUnavailable, ErrTooManyRequests, ErrStale} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// final says whether zen-lead itself has said how it ends.
func final(err error) bool {
	_, said := errors.AsType[*Error](err)
	return said && !mends(err)
}

// ended is why ctx has ended, with what went wrong before, for people.
func ended(ctx context.Context, trouble error) error {
	if trouble == nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w; before that: %v", context.Cause(ctx), trouble) //nolint:errorlint // it must not be another sentinel as well
}
