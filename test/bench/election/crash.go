package election

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kube-zen/zen-lead/test/bench"
	"github.com/kube-zen/zen-lead/test/election"
)

// crash is one sudden death of a leader.
type crash struct {
	// how is expiry, or proof where the leader starts again at once.
	how, pool string
	program   program
	// successor is how long nobody worked.
	successor time.Duration
}

// crashes is what was found.
type crashes struct {
	mu    sync.Mutex
	all   []crash
	swaps []time.Duration
	// unproven is why proofs of death were not measured, nil if they were.
	unproven error
}

// Crash measures how long nobody works after a leader was killed.
func Crash(ctx context.Context, e bench.Effort, out, progress io.Writer) error {
	var found crashes
	err := onRig(ctx, progress, func(ctx context.Context, r *rig) error {
		return errors.Join(found.expiries(ctx, e, r), found.proofs(ctx, r, bench.Pick(e, 5, 100, 300)))
	})
	if err != nil {
		return fmt.Errorf("crash: %w", err)
	}
	return found.report(ctx, e, out)
}

// expiries kills leaders of many pools side by side: the time is spent waiting. The compare-and-swap is measured meanwhile.
func (f *crashes) expiries(ctx context.Context, e bench.Effort, r *rig) (err error) {
	many, few := bench.Pick(e, 3, 15, 15), bench.Pick(e, 1, 4, 4)
	rounds := map[program]int{ours: bench.Pick(e, 1, 4, 40), oursTuned: bench.Pick(e, 3, 15, 150)}
	rounds[theirs], rounds[theirTuned] = rounds[ours], rounds[oursTuned]
	all, err := r.startFleet(ctx, map[program]int{ours: many, theirs: many, oursTuned: few, theirTuned: few})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.kill()) }()
	total := 0
	for _, p := range all.pools {
		total += rounds[p.program]
	}
	told := bench.NewProgress(r.progress, "leaders killed", total)
	group, ctx := errgroup.WithContext(ctx)
	swapping, end := context.WithCancel(ctx)
	swaps := make(chan error, 1)
	go func() { swaps <- f.swap(swapping, r) }()
	for _, p := range all.pools {
		group.Go(func() error {
			for range rounds[p.program] {
				if err := f.expiry(ctx, p, told); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = group.Wait()
	end()
	return errors.Join(err, <-swaps)
}

// settled is when a new member surely has seen the Lease.
const settled = 2 * time.Second

// expiry kills a leader at any moment between two renewals.
func (f *crashes) expiry(ctx context.Context, p *pool, told *bench.Progress) error {
	if err := wait(ctx, settled+rand.N(p.durations.Interval())); err != nil {
		return err
	}
	took, err := p.crash(ctx)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, crash{"expiry", p.name, p.program, took})
	told.Step(len(f.all))
	return nil
}

// swap measures a compare-and-swap now and then until ctx ends.
func (f *crashes) swap(ctx context.Context, r *rig) error {
	for wait(ctx, 300*time.Millisecond) == nil {
		took, err := r.raw.Swap(context.WithoutCancel(ctx))
		if err != nil {
			return err
		}
		f.swaps = append(f.swaps, took)
	}
	return nil
}

// proofs kills leaders whose container starts again at once.
func (f *crashes) proofs(ctx context.Context, r *rig, n int) (err error) {
	if f.unproven = election.Contained(); f.unproven != nil {
		return nil // the report says it
	}
	p := r.pool(ours, 99)
	p.container = "app"
	if err := p.open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.group.Kill()) }()
	told := bench.NewProgress(r.progress, "containers of leaders restarted", n)
	for i := range n {
		if err := wait(ctx, 500*time.Millisecond); err != nil {
			return err
		}
		took, err := p.restart(ctx)
		if err != nil {
			return err
		}
		f.all = append(f.all, crash{"proof", p.name, p.program, took})
		told.Step(i + 1)
	}
	return nil
}
