package zenlead

import (
	"context"
	"errors"
	"fmt"
	"time"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// silence is how long a stream may bring nothing: three of its heartbeats.
const silence = 30 * time.Second

var (
	errSilent = fmt.Errorf("%w: nothing was heard for %v", ErrUnavailable, silence)
	errBehind = fmt.Errorf("%w: the replica does not catch up with what was seen of another", ErrStale)
	// errEnough: nobody wants to see more.
	errEnough = errors.New("enough")
)

// sight is what one event of a stream tells.
type sight struct {
	// state is the newest.
	state State
	// changed: this event brought it.
	changed bool
	// age is how old the view of whoever sent the event was.
	age time.Duration
	// stale: it has lost the API server.
	stale bool
	// opened is when this stream was asked for: all that it brings was sent later.
	opened instant
	// received is when the event was.
	received instant
}

// follower follows a pool over any number of streams.
type follower struct {
	*shared
	pool poolKey
	// see is shown each sign of life. Its error ends the stream; errEnough ends all.
	see func(sight) error
	// trouble is told why a stream ended, if it is not nil.
	trouble func(error)

	last   *State
	resume string
	stale  bool
	// behind: what the stream told last was older than what was seen elsewhere. It may be catching up.
	behind bool
}

// run follows until ctx ends, or see has enough, and then returns nil; or until there is an error that trying again cannot mend.
func (f *follower) run(ctx context.Context) error {
	ctx, cancel := f.during(ctx)
	defer cancel()
	var again failures
	reread := false
	for {
		opened := f.now()
		heard, err := f.follow(ctx, opened)
		if f.life.Err() != nil {
			return context.Cause(f.life)
		}
		if ctx.Err() != nil || errors.Is(err, errEnough) {
			return nil
		}
		if heard {
			reread = false
			// A stream that ends as soon as it began is no success: another one at once would end as soon.
			if f.now().since(opened) >= longestDelay {
				again = 0
			}
		}
		switch {
		case errors.Is(err, ErrUnauthenticated) && f.rotates && !reread:
			reread = true // the next stream reads the file again
		case errors.Is(err, ErrInvalidArgument) && f.resume != "":
			f.resume = "" // a server of another version may write revisions in another way
		case hopeless(err):
			return err
		}
		if f.trouble != nil {
			f.trouble(err)
		}
		again.wait(ctx)
	}
}

// hopeless is what stays as it is until somebody changes the program, its rights, or the cluster.
func hopeless(err error) bool {
	return errors.Is(err, ErrUnknownPool) || errors.Is(err, ErrForbidden) || errors.Is(err, ErrUnauthenticated) || errors.Is(err, ErrInvalidArgument)
}

// follow follows one stream to its end, and says whether it brought anything.
func (f *follower) follow(ctx context.Context, opened instant) (heard bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silent := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer silent.Stop()
	f.behind = false
	s, err := f.transport.watchLeader(ctx, &zenleadv1.WatchLeaderRequest{
		Pool: f.pool.name, Namespace: f.pool.namespace, Resume: f.resume,
	})
	if err != nil {
		return false, err
	}
	for {
		event, err := s.recv()
		if err != nil {
			return heard, err
		}
		silent.Stop() // it is the server's silence that counts, not how long see takes
		heard = true
		if err := f.take(event, opened); err != nil {
			return heard, err
		}
		silent.Reset(silence)
	}
}

// take shows an event, unless it tells what is older than what was seen.
func (f *follower) take(event *zenleadv1.WatchLeaderResponse, opened instant) error {
	now := sight{opened: opened, received: f.now()}
	switch e := event.GetEvent().(type) {
	case *zenleadv1.WatchLeaderResponse_State:
		state := stateOf(e.State)
		if err := f.pool.of(state); err != nil {
			return err
		}
		if f.behind = !f.terms.saw(f.pool, state.Term); f.behind {
			return nil
		}
		now.changed = f.last == nil || !state.same(*f.last)
		now.age = state.Age
		state.Stale = f.stale
		f.last = &state
	case *zenleadv1.WatchLeaderResponse_Heartbeat:
		if f.behind {
			return errBehind // it had a heartbeat's time to catch up
		}
		f.stale = e.Heartbeat.GetStale()
		now.age = ageOf(e.Heartbeat.GetAgeMs())
	default:
		return nil // of a newer server
	}
	if event.GetRevision() != "" {
		f.resume = event.GetRevision()
	}
	if f.last == nil {
		return nil // a heartbeat before the state says nothing about it
	}
	now.state, now.stale = *f.last, f.stale
	return f.see(now)
}
