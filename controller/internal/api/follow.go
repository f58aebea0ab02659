package api

import (
	"cmp"
	"context"
	"iter"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/controller/internal/snapshot"
)

const (
	// beatEvery is how often a stream on which nothing happens gives a sign of life. Load balancers and the client both count on it.
	beatEvery = 10 * time.Second
	// streamsLast is how long a stream lasts at most, and four fifths of it at least: whoever comes back is asked anew who it is, and
	// may be sent to another replica.
	streamsLast = 10 * time.Minute
	// late is how long an event may have waited until its age is told.
	late = time.Second
	// slowAfter is how long a reader may take to make room for one event.
	slowAfter = 10 * time.Second
)

// event is what a follower is told: a frame, or that nothing happened.
type event struct {
	// frame is nil for a sign of life.
	frame *snapshot.Frame
	// first: the frame was there before; how old it may be is to be said.
	first bool
	age   time.Duration
	lost  bool
	// revision is what to resume with after the event.
	revision snapshot.Revision
}

// follow tells who leads a pool and then every change, after what the caller knows. It ends with an error: a failure, or that of
// the context.
func (s *service) follow(ctx context.Context, pool types.NamespacedName, known snapshot.Revision) iter.Seq2[event, error] {
	return func(yield func(event, error) bool) {
		f := s.board.Newest(pool)
		if f == nil {
			yield(event{}, unknown(pool))
			return
		}
		t := &following{service: s, pool: pool, frame: f, told: known}
		if s.ended() {
			yield(event{}, fail(codes.Unavailable, reasonDraining, "this replica ends; another one goes on"))
		} else if t.begin(yield) {
			t.run(ctx, yield)
		}
	}
}

// following is one follower.
type following struct {
	*service
	pool types.NamespacedName
	// frame is the newest that was looked at, and told the revision that the follower knows.
	frame *snapshot.Frame
	told  snapshot.Revision
	// behind: this replica has not heard of all that the follower was told of.
	behind bool
}

// begin tells of the state as it is, unless the follower knows it, or another that this replica has not heard of; and that the
// API server is lost.
func (t *following) begin(yield func(event, error) bool) bool {
	if t.board.Behind(t.pool, t.told) {
		t.behind = true
		return t.beat(yield)
	}
	age, lost := t.age()
	t.frame = cmp.Or(t.board.Newest(t.pool), t.frame) // not older than what it is not behind of
	if t.behind = false; t.frame.Revision.Sum == t.told.Sum && t.frame.Revision.Term == t.told.Term {
		return t.beat(yield)
	}
	t.told = t.frame.Revision
	return yield(event{frame: t.frame, first: true, age: age, revision: t.told}, nil) && (!lost || t.beat(yield))
}

func (t *following) beat(yield func(event, error) bool) bool {
	age, lost := t.age()
	return yield(event{age: age, lost: lost, revision: t.told}, nil)
}

func (t *following) run(ctx context.Context, yield func(event, error) bool) {
	ends := t.now().Add(streamsLast - rand.N(streamsLast/5))
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	done := ctx.Done()
	for goes := true; goes; {
		select { // all who follow share the first of these, and no other
		case <-t.frame.Next():
			goes = t.next(yield)
		case <-beat.C:
			switch {
			case t.frame.After() != nil: // not before what has happened
			case t.now().After(ends):
				yield(event{}, fail(codes.Unavailable, reasonDraining, "the stream has lasted long enough; open it anew with what it gave last"))
				return
			case t.behind:
				goes = t.begin(yield)
			default:
				goes = t.beat(yield)
			}
		case <-done:
			yield(event{}, ctx.Err())
			return
		}
	}
}

// next tells of the frame that was published next, unless this replica has not heard of all that the follower was told of.
func (t *following) next(yield func(event, error) bool) bool {
	t.frame = t.frame.After()
	switch {
	case t.frame.Gone:
		yield(event{}, unknown(t.pool))
		return false
	case t.frame.Nudge && t.ended():
		yield(event{}, fail(codes.Unavailable, reasonDraining, "this replica ends; another one goes on"))
		return false
	case t.frame.Nudge:
		return t.beat(yield)
	case t.behind && t.board.Behind(t.pool, t.told):
		return true
	case t.behind:
		return t.begin(yield)
	}
	t.told = t.frame.Revision
	e := event{frame: t.frame, revision: t.told}
	if waited := t.now().Sub(t.frame.At); waited > late { // behind a reader that made no room
		e.first, e.age = true, waited
	}
	return yield(e, nil)
}
