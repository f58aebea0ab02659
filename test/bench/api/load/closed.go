package load

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// Ask asks once and waits for the answer. It is for one goroutine at a time.
type Ask func(context.Context) error

// Slice is what callers were answered in a slice of time.
type Slice struct {
	// Length is the time that was measured, after the warm-up.
	Length time.Duration
	// Latencies are those of the answers that came in it, in no order.
	Latencies []time.Duration
	// Answers counts those of the warm-up as well.
	Answers int
}

// PerSecond is how many answers came in a second.
func (s Slice) PerSecond() float64 { return float64(len(s.Latencies)) / s.Length.Seconds() }

// Closed has each caller ask again as soon as it is answered: as many requests are on their way as there are callers. What fails ends it.
func Closed(ctx context.Context, callers []Ask, warmUp, length time.Duration) (Slice, error) {
	began := time.Now().Add(warmUp)
	ends := began.Add(length)
	parts := make([]Slice, len(callers))
	group, ctx := errgroup.WithContext(ctx)
	for i, ask := range callers {
		group.Go(func() error { return parts[i].fill(ctx, ask, began, ends) })
	}
	if err := group.Wait(); err != nil {
		return Slice{}, err
	}
	whole := Slice{Length: length}
	for _, p := range parts {
		whole.Latencies = append(whole.Latencies, p.Latencies...)
		whole.Answers += p.Answers
	}
	return whole, nil
}

func (s *Slice) fill(ctx context.Context, ask Ask, began, ends time.Time) error {
	for sent := time.Now(); sent.Before(ends); {
		if err := ask(ctx); err != nil {
			return err
		}
		answered := time.Now()
		s.Answers++
		if !answered.Before(began) && answered.Before(ends) {
			s.Latencies = append(s.Latencies, answered.Sub(sent))
		}
		sent = answered
	}
	return nil
}
