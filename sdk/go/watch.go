package zenlead

import (
	"context"
	"fmt"
	"iter"
)

// Watch yields who leads a pool, and then each change. It takes the right to watch the LeaderPolicy.
//
// It reconnects by itself, after 0.1 s at first and at most 10 s later, and where nothing is heard for 30 s, three times as long as a stream
// should be silent. It resumes where it was, so that no two states that follow one another are the same, and none is of a
// smaller term than one before; changes that came while it was away, or while the loop's body ran for long, may be missing
// but for the last.
//
// It just stops when ctx ends. What trying again cannot mend it yields, and stops: [ErrUnknownPool], also where the pool is
// deleted, [ErrForbidden], [ErrInvalidArgument], and [ErrUnauthenticated] once it has read the token file again.
//
// Caveats: that nothing is yielded does not say that nothing changed, only that nothing was heard of. Who must know how current
// the last state is uses a [Guard].
func (c *Client) Watch(ctx context.Context, pool string) iter.Seq2[State, error] {
	return func(yield func(State, error) bool) {
		key, err := c.pool(pool)
		if err != nil {
			yield(State{}, err)
			return
		}
		f := follower{shared: c.shared, pool: key, see: func(s sight) error {
			if s.changed && !yield(s.state, nil) {
				return errEnough
			}
			return nil
		}}
		if err := f.run(ctx); err != nil {
			yield(State{}, fmt.Errorf("watch who leads %v: %w", key, err))
		}
	}
}
