package pools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kube-zen/zen-lead/test/bench"
	"github.com/kube-zen/zen-lead/test/bench/audit"
	"github.com/kube-zen/zen-lead/test/bench/elector"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

// candidates is how many electors stand for one pool: a leader and two standbys, as many as our pools have pods.
const candidates = podsPerPool

// stay is what was found about pools at rest.
type stay struct {
	pools, groups int
	begin, end    time.Time
	// asked is what the API server was asked from begin to end.
	asked []audit.Request
	// decided is how many passes about pools the controller made in that time.
	decided int
	// restart is what the controller asked for when it was started anew, restarted how many passes it made then.
	restart   audit.Count
	restarted int
	// move and elected are the failovers afterwards, ours and that of a group of electors.
	move    move
	elected time.Duration
}

// Idle measures what pools cost at rest, beside client-go's electors.
func Idle(ctx context.Context, e bench.Effort, out, progress io.Writer) error {
	r, err := startRig(ctx, progress)
	if err != nil {
		return err
	}
	found := &stay{pools: bench.Pick(e, 30, 1000, 1000), groups: bench.Pick(e, 5, 20, 20)}
	length := bench.Pick(e, time.Minute, 10*time.Minute, time.Hour)
	if err := errors.Join(found.measure(ctx, r, length), r.stop()); err != nil {
		return fmt.Errorf("idle: %w", err)
	}
	return found.report(ctx, e, out)
}

func (f *stay) measure(ctx context.Context, r *rig, length time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o, err := observe(ctx, r.cluster.RESTConfig(), ours)
	if err != nil {
		return err
	}
	if err := r.populate(ctx, o, size{f.pools, podsPerPool}, ours); err != nil {
		return err
	}
	electing, endElectors := context.WithCancel(ctx)
	defer endElectors()
	electors, err := elector.Start(electing, r.cluster.RESTConfig(), apart, f.groups, candidates)
	if err != nil {
		return err
	}
	p, err := newPasses(ctx, r)
	if err != nil {
		return err
	}
	if err := r.awaitQuiet(ctx); err != nil {
		return err
	}
	before, err := p.count(ctx, r.controller.Metrics)
	if err != nil {
		return err
	}
	f.begin = time.Now()
	if err := f.wait(ctx, r, length); err != nil {
		return err
	}
	f.end = time.Now()
	after, err := p.count(ctx, r.controller.Metrics)
	if err != nil {
		return err
	}
	f.decided = after - before

	if f.move, err = r.failover(ctx, o, pool{ours, poolName(0)}, deleted); err != nil {
		return err
	}
	if f.elected, err = electors.Kill(ctx, 0); err != nil {
		return err
	}
	if err := f.restartController(ctx, r, p); err != nil {
		return err
	}
	endElectors() // so that every request of theirs is finished, and in the log
	electors.Wait()
	f.asked, err = r.requests(ctx, f.begin, f.end)
	return err
}

// wait lets the time pass. In the middle every policy gets an annotation that means nothing, so that every pool is
// decided once more, as a resync of the caches does; that comes every ten hours by itself, and no flag moves it.
func (f *stay) wait(ctx context.Context, r *rig, length time.Duration) error {
	const steps = 20
	told := bench.NewProgress(r.progress, fmt.Sprintf("%d pools at rest for %s, in twentieths", f.pools, length), steps)
	tick := time.NewTicker(length / steps)
	defer tick.Stop()
	for i := range steps {
		if i == steps/2 {
			if err := inParallel(ctx, f.pools, r.population.touch, func(int) {}); err != nil {
				return err
			}
		}
		select {
		case <-tick.C:
			told.Step(i + 1)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// restartController ends the controller, so that its watches are finished and in the log, and lets another read and
// decide everything from the beginning: that too must find nothing to write.
func (f *stay) restartController(ctx context.Context, r *rig, p *passes) (err error) {
	if err := r.awaitQuiet(ctx); err != nil {
		return err
	}
	if err := r.controller.Stop(ctx); err != nil {
		return err
	}
	begin := time.Now()
	if r.controller, err = zenlead.Start(ctx, r.cluster, zenlead.Options{Metrics: true}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("a new controller does not decide all pools"))
	defer cancel()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for f.restarted < f.pools {
		select {
		case <-look.C:
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		}
		f.restarted, err = p.count(ctx, r.controller.Metrics) // it may be ready before it serves metrics
	}
	asked, err := r.requests(ctx, begin, time.Now())
	f.restart = audit.CountOf(asked, agent)
	return err
}

// quietFor is how long the controller must have written nothing, events included, before rest is said to begin.
const quietFor = 5 * time.Second

func (r *rig) awaitQuiet(ctx context.Context) error {
	for range 24 {
		begin := time.Now()
		select {
		case <-time.After(quietFor):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		asked, err := r.requests(ctx, begin, time.Now())
		if err != nil {
			return err
		}
		if c := audit.CountOf(withoutOwnLeases(asked), agent); c.Writes+c.Failed+c.Events == 0 {
			return nil
		}
	}
	return errors.New("the controller writes and writes, although nothing changes")
}
