package lock

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	zenlead "github.com/kube-zen/zen-lead/sdk/go"
	"github.com/kube-zen/zen-lead/test/election"
)

// HolderCommand is the argument with which this program holds locks and does nothing else, so that it can be killed.
const HolderCommand = "lock-holder"

// holding is what such a process is to hold. It reads it from its standard input.
type holding struct {
	Address, CA, Token string
	Locks              int
}

// renewals is what it tells, line by line, again and again once it holds all: which locks were renewed since, and when what renewed each was sent,
// by the machine's monotonic clock.
type renewals struct {
	Locks []int           `json:",omitempty"`
	At    []time.Duration `json:",omitempty"`
}

const (
	// lookEvery is how often it is looked for renewals.
	lookEvery = 50 * time.Millisecond
	// same is how far apart two readings of when one renewal was sent may be.
	same = 5 * time.Millisecond
	// workTime is how long of the ttl a client lets its holder work.
	workTime = ttl * 2 / 3
)

func held(i int) string { return fmt.Sprintf("held-%05d", i) }

// Hold is the process. It ends when its input does.
func Hold(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var what holding
	if err := json.NewDecoder(in).Decode(&what); err != nil {
		return fmt.Errorf("what to hold: %w", err)
	}
	go func() { // whoever started it ends it by closing its input, also by dying
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	c, err := newClient(what.Address, what.CA, what.Token)
	if err != nil {
		return fmt.Errorf("holder: %w", err)
	}
	defer c.Close()
	locks := make([]*zenlead.Lock, what.Locks)
	err = inParallel(ctx, what.Locks, func(ctx context.Context, i int) error {
		locks[i] = c.Lock(held(i))
		return locks[i].TryLock(ctx)
	})
	if err != nil {
		return fmt.Errorf("holder: %w", err)
	}
	told, renewed := json.NewEncoder(out), make([]time.Duration, what.Locks)
	for ; ctx.Err() == nil; _ = pause(ctx, lookEvery) {
		var news renewals
		for i, l := range locks {
			left, _ := l.Left()
			if left <= 0 {
				return fmt.Errorf("holder: %s: %w", held(i), l.Err())
			}
			if at := election.Now() - (workTime - left); at-renewed[i] > same {
				news.Locks, news.At, renewed[i] = append(news.Locks, i), append(news.At, at), at
			}
		}
		if err := told.Encode(news); err != nil {
			return fmt.Errorf("holder: %w", err)
		}
	}
	return nil
}
