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
	size       size
	groups     int
	begin, end time.Time
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
	// memory is what the pools cost the controller in the same time.
	memory memory
}

// Idle measures what pools cost at rest: the API server, beside client-go's electors, and the controller's process.
func Idle(ctx context.Context, e bench.Effort, out, progress io.Writer) error {
	r, err := startRig(ctx, progress)
	if err != nil {
		return err
	}
	found := &stay{
		size:   bench.Pick(e, size{30, podsPerPool}, size{5000, podsPerPool}, size{20000, 5}),
		groups: bench.Pick(e, 5, 20, 20),
	}
	length := bench.Pick(e, 40*time.Second, 2*time.Minute, time.Hour)
	if err := errors.Join(found.measure(ctx, r, length), r.stop()); err != nil {
		return fmt.Errorf("idle: %w", err)
	}
	return errors.Join(found.report(ctx, e, out), found.memory.report(ctx, e, out, found.size))
}

func (f *stay) measure(ctx context.Context, r *rig, length time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o, err := observe(ctx, r.cluster.RESTConfig(), ours)
	if err != nil {
		return err
	}
	s, err := newScraper(ctx, r)
	if err != nil {
		return err
	}
	if f.memory.empty, err = s.heapAtRest(ctx, r.controller.Metrics); err != nil {
		return err
	}
	if err := r.populate(ctx, o, f.size, ours); err != nil {
		return err
	}
	electing, endElectors := context.WithCancel(ctx)
	defer endElectors()
	electors, err := elector.Start(electing, r.cluster.RESTConfig(), apart, f.groups, candidates)
	if err != nil {
		return err
	}
	if err := f.rest(ctx, r, s, length); err != nil {
		return err
	}
	if f.move, err = r.failover(ctx, o, pool{ours, poolName(0)}, deleted); err != nil {
		return err
	}
	if f.elected, err = electors.Kill(ctx, 0); err != nil {
		return err
	}
	if err := f.restartController(ctx, r, s); err != nil {
		return err
	}
	endElectors() // so that every request of theirs is finished, and in the log
	electors.Wait()
	if f.asked, err = r.requests(ctx, f.begin, f.end); err != nil {
		return err
	}
	if err := f.grow(ctx, r, o, s); err != nil {
		return err
	}
	return f.profileHeap(ctx, r, s)
}

// rest measures the time in which nothing happens.
func (f *stay) rest(ctx context.Context, r *rig, s *scraper, length time.Duration) error {
	if err := r.awaitQuiet(ctx); err != nil {
		return err
	}
	before, err := s.read(ctx, r.controller.Metrics)
	if err != nil {
		return err
	}
	f.begin = time.Now()
	if err := f.wait(ctx, r, length); err != nil {
		return err
	}
	f.end = time.Now()
	// Only now: whoever reads metrics makes the controller ask the API server who that is.
	after, err := s.read(ctx, r.controller.Metrics)
	if err != nil {
		return err
	}
	f.decided, f.memory.live = after.passes-before.passes, after.live
	if err := f.memory.look(r.controller.PID()); err != nil || after.collections > before.collections {
		return err
	}
	f.memory.live, err = s.heapAtRest(ctx, r.controller.Metrics) // a short rest may pass without a garbage collection
	return err
}

// wait lets the time pass. In the middle every policy gets an annotation that means nothing, so that every pool is
// decided once more, as a resync of the caches does; that comes every ten hours by itself, and no flag moves it. The
// processor's time is that of the first half.
func (f *stay) wait(ctx context.Context, r *rig, length time.Duration) error {
	const steps = 20
	told := bench.NewProgress(r.progress, fmt.Sprintf("%d pools at rest for %s, in twentieths", f.size.pools, length), steps)
	tick := time.NewTicker(length / steps)
	defer tick.Stop()
	if err := f.memory.beginIdle(r.controller.PID()); err != nil {
		return err
	}
	for i := range steps {
		if i == steps/2 {
			if err := f.memory.endIdle(r.controller.PID()); err != nil {
				return err
			}
			if err := inParallel(ctx, f.size.pools, r.population.touch, func(int) {}); err != nil {
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
func (f *stay) restartController(ctx context.Context, r *rig, s *scraper) error {
	if err := r.awaitQuiet(ctx); err != nil {
		return err
	}
	if err := r.controller.Stop(ctx); err != nil {
		return err
	}
	begin := time.Now()
	ready, decided, passes, err := r.restart(ctx, s, f.size.pools, zenlead.Options{Metrics: true})
	if err != nil {
		return err
	}
	f.memory.ready, f.memory.decided, f.restarted = ready, decided, passes
	asked, err := r.requests(ctx, begin, time.Now())
	f.restart = audit.CountOf(withoutOwnLeases(asked), agent)
	return err
}

// restart starts a controller where none runs, and returns how long its process has run when it is ready and when it has
// decided as many pools, and how many passes it had made then.
func (r *rig) restart(ctx context.Context, s *scraper, pools int, options zenlead.Options) (ready, decided time.Duration, passes int, err error) {
	c, err := zenlead.Launch(ctx, r.cluster, options)
	if err != nil {
		return 0, 0, 0, err
	}
	r.controller = c
	begin := time.Now()
	if err := c.AwaitReady(ctx); err != nil {
		return 0, 0, 0, err
	}
	ready = time.Since(begin)
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("a new controller does not decide all pools"))
	defer cancel()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for passes < pools {
		select {
		case <-look.C:
		case <-ctx.Done():
			return 0, 0, 0, errors.Join(context.Cause(ctx), err)
		}
		var now gauges
		now, err = s.read(ctx, c.Metrics) // it may be ready before it serves metrics
		passes = now.passes
	}
	return ready, time.Since(begin), passes, nil
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
