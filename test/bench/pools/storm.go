package pools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kube-zen/zen-lead/test/bench"
	"github.com/kube-zen/zen-lead/test/bench/audit"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

// storm is what was found when all leaders were lost at once, several times.
type storm struct {
	pools int
	// ours and limits are the rounds of zen-lead and of the raw writer.
	ours, limits []surge
	// repairs is how many writes a controller made that was started after the raw writer had done the work.
	repairs int
	// profile is where the controller spent the time of a storm that is not measured.
	profile []byte
}

// Storm measures how long zen-lead takes when all pools lose their leaders at once, beside what the API server can do.
func Storm(ctx context.Context, e bench.Effort, out, progress io.Writer) error {
	r, err := startRig(ctx, progress)
	if err != nil {
		return err
	}
	found := &storm{pools: bench.Pick(e, 60, 1000, 1000)}
	if err := errors.Join(found.measure(ctx, r, bench.Pick(e, 2, 3, 5)), r.stop()); err != nil {
		return fmt.Errorf("storm: %w", err)
	}
	return found.report(ctx, e, out)
}

func (f *storm) measure(ctx context.Context, r *rig, rounds int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o, err := observe(ctx, r.cluster.RESTConfig(), ours)
	if err != nil {
		return err
	}
	whole := size{f.pools, podsPerPool}
	if err := r.populate(ctx, o, whole, ours); err != nil {
		return err
	}
	l, err := newLimit(ctx, r)
	if err != nil {
		return err
	}
	pods := podsPerPool
	for n := range rounds {
		if err := f.round(ctx, r, o, l, fmt.Sprintf("storm %d of %d", n+1, rounds)); err != nil {
			return err
		}
		// Each pool has lost two pods.
		if err := r.join(ctx, o, whole, pods, pods+2); err != nil {
			return err
		}
		pods += 2
	}
	return f.profileStorm(ctx, r, o)
}

// round is one storm for zen-lead, and then one for the raw writer while no controller runs. Afterwards there is a
// controller again.
func (f *storm) round(ctx context.Context, r *rig, o *observer, l *limit, what string) error {
	if err := r.awaitQuiet(ctx); err != nil {
		return err
	}
	our, err := r.surge(ctx, o, f.pools, what+", zen-lead", func(context.Context) error { return nil })
	if err != nil {
		return err
	}
	if err := r.awaitQuiet(ctx); err != nil { // it still tells events
		return err
	}
	if our.asked, err = r.asked(ctx, our.begin, agent); err != nil {
		return err
	}
	if err := r.controller.Stop(ctx); err != nil {
		return err
	}
	moves, err := l.prepare(ctx, f.pools)
	if err != nil {
		return err
	}
	raw, err := r.surge(ctx, o, f.pools, what+", raw writes", func(ctx context.Context) error { return l.write(ctx, moves) })
	if err != nil {
		return err
	}
	if raw.asked, err = r.asked(ctx, raw.begin, limitAgent); err != nil {
		return err
	}
	f.ours, f.limits = append(f.ours, our), append(f.limits, raw)
	repairs, err := r.startAgain(ctx, zenlead.Options{Metrics: true})
	f.repairs += repairs
	return err
}

// startAgain starts a controller where none runs, waits until it has nothing to do, and returns how many writes it made.
func (r *rig) startAgain(ctx context.Context, options zenlead.Options) (writes int, err error) {
	begin := time.Now()
	if r.controller, err = zenlead.Start(ctx, r.cluster, options); err != nil {
		return 0, err
	}
	if err := r.awaitQuiet(ctx); err != nil {
		return 0, err
	}
	c, err := r.asked(ctx, begin, agent)
	return c.Writes + c.Failed, err
}

// asked counts what a client has asked for since a moment, without a controller's own Lease.
func (r *rig) asked(ctx context.Context, since time.Time, agent string) (audit.Count, error) {
	requests, err := r.requests(ctx, since, time.Now())
	if err != nil {
		return audit.Count{}, err
	}
	return audit.CountOf(withoutOwnLeases(requests), agent), nil
}
