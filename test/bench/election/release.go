package election

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kube-zen/zen-lead/test/bench"
)

// handover is one release of the lead, from the holder's decision to give it up.
type handover struct {
	program program
	pool    string
	// decided is when, emptied how long after that the Lease was seen to name nobody, began how long after it the successor worked.
	decided, emptied, began time.Duration
}

// rest is how long a member stays away that has given up the lead, so that it is another that takes it: client-go's standbys look
// after 4.4 s at the latest.
const rest = 6 * time.Second

// releases is what was found.
type releases struct {
	handovers []handover
	swaps     []time.Duration
}

// Release measures how long it takes from the holder's decision to give up the lead until another process works.
func Release(ctx context.Context, e bench.Effort, out, progress io.Writer) error {
	var found releases
	rounds := bench.Pick(e, 10, 110, 400)
	err := onRig(ctx, progress, func(ctx context.Context, r *rig) error { return found.measure(ctx, r, rounds) })
	if err != nil {
		return fmt.Errorf("release: %w", err)
	}
	return found.report(ctx, e, out)
}

// oursPerRound is how many of our handovers there are for one of client-go's, which takes a second or so.
const oursPerRound = 3

func (f *releases) measure(ctx context.Context, r *rig, rounds int) (err error) {
	e, err := r.watchEmptied(ctx)
	if err != nil {
		return err
	}
	// By the time that it is a pool's turn again, its members contend again.
	const pools = 5
	all, err := r.startFleet(ctx, map[program]int{ours: oursPerRound * pools, theirs: pools, theirTuned: pools, onOurLock: pools}, "-rest", rest.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.kill()) }()
	our, their, tuned, locked := all.of(ours), all.of(theirs), all.of(theirTuned), all.of(onOurLock)
	told := bench.NewProgress(r.progress, "rounds of releases", rounds)
	for i := range rounds {
		begin := time.Now()
		for k := range oursPerRound {
			if err := f.one(ctx, r, our[(oursPerRound*i+k)%len(our)]); err != nil {
				return err
			}
		}
		for _, p := range []*pool{their[i%pools], tuned[i%pools], locked[i%pools]} {
			if err := f.one(ctx, r, p); err != nil {
				return err
			}
		}
		told.Step(i + 1)
		if err := wait(ctx, rest/(pools-1)+200*time.Millisecond-time.Since(begin)); err != nil {
			return err
		}
	}
	for i := range f.handovers {
		h := &f.handovers[i]
		h.emptied = e.after(h.pool, h.decided) - h.decided
	}
	return nil
}

// one measures one handover, and a compare-and-swap.
func (f *releases) one(ctx context.Context, r *rig, p *pool) error {
	took, err := r.raw.Swap(ctx)
	if err != nil {
		return err
	}
	h, err := p.handover(ctx)
	if err != nil {
		return err
	}
	f.swaps, f.handovers = append(f.swaps, took), append(f.handovers, h)
	return nil
}

func (p *pool) handover(ctx context.Context) (handover, error) {
	old, err := p.leader(ctx)
	if err != nil {
		return handover{}, err
	}
	if err := old.Yield(); err != nil {
		return handover{}, err
	}
	ctx, cancel := bound(ctx, p.patience(), old.Identity+" does not hand over")
	defer cancel()
	var decided, began time.Duration
	for decided == 0 || began == 0 { // two processes tell, in any order
		s, err := p.group.Next(ctx)
		switch {
		case err != nil:
			return handover{}, err
		case s.Of == old && s.Name == "decided":
			decided = s.At
		case s.Of == old && s.Name == "began":
			return handover{}, fmt.Errorf("%s took the lead again before anybody else did", old.Identity)
		case s.Name == "began":
			began = s.At
		}
	}
	return handover{program: p.program, pool: p.name, decided: decided, began: began - decided}, nil
}

// wait lets time pass, none if d is negative.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
