package sidecar

import (
	"context"
	"time"

	"github.com/kube-zen/zen-lead/core/lead"
)

const (
	// hookTime is how long a hook may take that no term bounds.
	hookTime = 30 * time.Second
	// hookAgain is how long after a hook has failed it is run again, as long as its role is this member's.
	hookAgain = time.Second
)

// keepHook runs the hook for what this member is, until it has succeeded, and again for each change, until ctx ends. It begins with
// follower: nobody knows what the program was told before.
func (s *sidecar) keepHook(ctx context.Context) {
	for ctx.Err() == nil {
		wanted, t, changed := s.next()
		switch {
		case changed != nil:
			select {
			case <-changed:
			case <-ctx.Done():
			}
		case s.Hook == "" || s.run(ctx, wanted, t):
			s.change(func(*known) { s.told = wanted })
		default:
			pause, stop := context.WithTimeout(ctx, hookAgain)
			<-s.other(pause, wanted)
			stop()
		}
	}
}

// next returns what the hook is to be told now, and in which term; or else a channel that is closed when there may be something. From
// then on it is not known what the program was told, until the hook has succeeded.
func (s *sidecar) next() (wanted told, t *lead.Term, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if wanted = s.wanted(); wanted == s.told {
		return wanted, nil, s.changed
	}
	s.told = told{}
	return wanted, s.known.term, nil
}

// wanted is what the hook is to have been told. The caller holds mu.
func (s *sidecar) wanted() told {
	role, number := s.known.role()
	return told{role, number}
}

// other returns a channel that is closed when the hook is to be told something else than wanted, or ctx has ended.
func (s *sidecar) other(ctx context.Context, wanted told) <-chan struct{} {
	is := make(chan struct{})
	go func() {
		defer close(is)
		for {
			s.mu.Lock()
			now, changed := s.wanted(), s.changed
			s.mu.Unlock()
			if now != wanted {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}()
	return is
}

// settled waits until the hook has been told that this member follows, and says whether that was before ctx ended.
func (s *sidecar) settled(ctx context.Context) bool {
	for {
		s.mu.Lock()
		is, changed := s.told.role == follower, s.changed
		s.mu.Unlock()
		if is {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}
