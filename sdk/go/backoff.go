package zenlead

import (
	"context"
	"math/rand/v2"
	"time"
)

// Source: exponential backoff with jitter, as https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md has it, but
// quicker at first: replicas are replaced one by one, and another one is there at once.
const (
	firstDelay   = 100 * time.Millisecond
	longestDelay = 10 * time.Second
)

// failures is how often in a row something has failed.
type failures int

// next counts one more, and is how long to wait: from half of the delay to all of it, so that those who lost the same replica do not come back together.
func (f *failures) next() time.Duration {
	delay := min(firstDelay<<min(*f, 10), longestDelay)
	*f++
	return delay/2 + rand.N(delay/2)
}

// wait waits so long, and is false if ctx has ended.
func (f *failures) wait(ctx context.Context) bool {
	timer := time.NewTimer(f.next())
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
