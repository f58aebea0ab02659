package zenlead

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

const (
	// giveUpTime is how long it is tried to give up what was never heard to be granted. What was, runs out by itself after its ttl.
	giveUpTime = 30 * time.Second
	// partingTime is how long a client that is closed waits for what it gives up.
	partingTime = time.Second
)

// release gives a lock up until that is certain, or ctx ends.
func (s *shared) release(ctx context.Context, lock lockKey, h *zenleadv1.Holding) error {
	ctx, cancel := s.during(ctx)
	defer cancel()
	var again failures
	open := false
	for {
		try, cancel := context.WithTimeoutCause(ctx, answerTime, errSlow)
		err := s.transport.release(try, &zenleadv1.ReleaseRequest{Lock: lock.name, Namespace: lock.namespace, Holding: h})
		cancel()
		switch {
		case err == nil:
			return nil
		case open && errors.Is(err, ErrLost): // or an earlier try has released it
			return fmt.Errorf("%w: %v", ErrUnknown, err) //nolint:errorlint // it must not be ErrLost as well
		case final(err):
			return err
		case ctx.Err() != nil:
			return fmt.Errorf("%w: %w; before that: %v", ErrUnknown, context.Cause(ctx), err) //nolint:errorlint // it must not be another sentinel as well
		case !mends(err):
			return err
		}
		open = open || errors.Is(err, ErrUnknown)
		again.wait(ctx)
	}
}

// giveUp releases in the background, for at most as long as the lock would last.
func (s *shared) giveUp(lock lockKey, h *zenleadv1.Holding, ttl time.Duration) {
	if ttl == 0 {
		ttl = giveUpTime
	}
	done := s.partings.begin()
	go func() {
		defer done()
		ctx, cancel := context.WithTimeout(s.life, ttl)
		defer cancel()
		_ = s.release(ctx, lock, h) // nobody hears of it
	}()
}

// partings counts what is being given up.
type partings struct {
	mu   sync.Mutex
	n    int
	none chan struct{}
}

func (p *partings) begin() (done func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n++; p.n == 1 {
		p.none = make(chan struct{})
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.n--; p.n == 0 {
			close(p.none)
		}
	}
}

// wait waits until nothing is being given up, or for so long.
func (p *partings) wait(longest time.Duration) {
	p.mu.Lock()
	n, none := p.n, p.none
	p.mu.Unlock()
	if n == 0 {
		return
	}
	timer := time.NewTimer(longest)
	defer timer.Stop()
	select {
	case <-none:
	case <-timer.C:
	}
}
