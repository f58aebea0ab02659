package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kube-zen/zen-lead/test/bench"
	"github.com/kube-zen/zen-lead/test/bench/api/load"
	"github.com/kube-zen/zen-lead/test/bench/usage"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

// fanout is what was found with a number of subscribers.
type fanout struct {
	subscribers int
	changes     []told
	// missed is how many subscribers were not told of a change, of all changes; events is how many states were told.
	missed int
	events int64
	// before and after are what the controller had before there was a stream and with all of them at rest; restCores is what it
	// used of the processor at rest.
	before, after usage.Usage
	restCores     float64
	// server and callers are the processor's time of all changes, of the controller and of this process, which is all subscribers.
	server, callers time.Duration
	// profile and heap say where that went, and who holds the memory.
	profile, heap []byte
}

// told is one change of leader. Times count from the sending of the leader's deletion.
type told struct {
	// leased is when a watch of the Lease saw the new leader, first and last when the subscribers were told.
	leased, first, last time.Duration
	all                 []time.Duration
}

// published is the latest moment at which the server can have begun to tell: the Lease was seen, or a subscriber was told.
func (t told) published() time.Duration { return min(t.leased, t.first) }

// settle is how long the streams rest before their memory is read: two rounds of heartbeats.
const settle = 25 * time.Second

// Fanout measures how long it takes until all of many subscribers are told of a new leader, and what they cost.
func Fanout(ctx context.Context, e bench.Effort, out, progress io.Writer) error {
	var all []*fanout
	err := onRig(ctx, progress, 0, func(ctx context.Context, r *rig) error {
		accounts, err := r.addAccounts(ctx)
		if err != nil {
			return err
		}
		for _, s := range []struct{ subscribers, changes int }{
			{bench.Pick(e, 500, 2_500, 2_500), bench.Pick(e, 5, 100, 200)},
			{bench.Pick(e, 1_000, 10_000, 10_000), bench.Pick(e, 5, 40, 100)},
		} {
			f := &fanout{subscribers: s.subscribers}
			all = append(all, f)
			if err := f.measure(ctx, r, accounts, s.changes); err != nil {
				return fmt.Errorf("%d subscribers: %w", s.subscribers, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("fanout: %w", err)
	}
	return reportFanout(ctx, e, out, all)
}

// measure has a controller of its own, so that its memory is that of the streams.
func (f *fanout) measure(ctx context.Context, r *rig, accounts []account, changes int) error {
	if err := r.startController(ctx, zenlead.Options{}); err != nil {
		return err
	}
	p, err := r.addPool(ctx, fmt.Sprintf("web-%d", f.subscribers))
	if err != nil {
		return err
	}
	err = f.listen(ctx, r, p, accounts, func(ctx context.Context, a *audience) error {
		if err := f.rest(ctx, r); err != nil {
			return err
		}
		serverBefore, callersBefore, err := f.used(r)
		if err != nil {
			return err
		}
		if err := f.change(ctx, r, p, a, changes); err != nil {
			return err
		}
		server, callers, err := f.used(r)
		f.server, f.callers, f.events = server-serverBefore, callers-callersBefore, a.events.Load()
		return err
	})
	if err != nil {
		return err
	}
	return errors.Join(f.takeProfile(ctx, r, p, accounts), r.stopControllers(ctx))
}

// used is how much of the processor the controller has used, and this process.
func (f *fanout) used(r *rig) (server, callers time.Duration, err error) {
	s, serverErr := usage.Of(r.controllers[0].PID())
	c, callersErr := usage.Of(os.Getpid())
	return s.CPU, c.CPU, errors.Join(serverErr, callersErr)
}

// listen opens the streams, lets something happen, and ends them.
func (f *fanout) listen(ctx context.Context, r *rig, p *pool, accounts []account, while func(context.Context, *audience) error) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := r.awaitStatus(ctx, p); err != nil {
		return err
	}
	var connections []*load.GRPC
	defer func() {
		cancel()
		for _, c := range connections {
			err = errors.Join(err, c.Close())
		}
	}()
	ca, err := authorityOf(r.controllers[0])
	if err != nil {
		return err
	}
	for _, a := range accounts {
		c, err := load.NewGRPC(r.controllers[0].API.GRPC, ca, a.forZenLead, ours, p.name)
		if err != nil {
			return err
		}
		connections = append(connections, c)
	}
	// What the server's own code takes, once it has been used, is not the streams'.
	if err := connections[0].Naming(p.leader)(ctx); err != nil {
		return err
	}
	if f.before, err = usage.Of(r.controllers[0].PID()); err != nil {
		return err
	}
	a := newAudience(f.subscribers)
	told := bench.NewProgress(r.progress, "streams", f.subscribers)
	var open errgroup.Group
	for i, c := range connections {
		open.Go(func() error {
			for n := i; n < f.subscribers; n += len(connections) {
				if err := c.Watch(ctx, a.hear(n), a.end); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := open.Wait(); err != nil {
		return err
	}
	told.Step(f.subscribers)
	a.events.Store(0)
	return while(ctx, a)
}

// rest reads what the streams cost while nothing happens.
func (f *fanout) rest(ctx context.Context, r *rig) error {
	if err := pause(ctx, settle/2); err != nil {
		return err
	}
	half, err := usage.Of(r.controllers[0].PID())
	if err != nil {
		return err
	}
	if err := pause(ctx, settle/2); err != nil {
		return err
	}
	f.after, err = usage.Of(r.controllers[0].PID())
	f.restCores = (f.after.CPU - half.CPU).Seconds() / (settle / 2).Seconds()
	return err
}

// change has the lead change a number of times, once all were told of the last.
func (f *fanout) change(ctx context.Context, r *rig, p *pool, a *audience, changes int) error {
	progress := bench.NewProgress(r.progress, "changes of leader", changes)
	for i := range changes {
		c := a.expect(p.leader)
		if err := p.killLeader(ctx); err != nil {
			return err
		}
		missed, err := a.await(ctx, c)
		if err != nil {
			return err
		}
		led, err := r.leases.await(ctx, p.name, p.leader)
		if err != nil {
			return err
		}
		if err := c.check(led.holder); err != nil {
			return err
		}
		t := told{leased: led.at.Sub(c.sent), all: c.latencies(0)}
		t.first, t.last = bench.Quantile(t.all, 0), bench.Quantile(t.all, 1)
		f.changes, f.missed = append(f.changes, t), f.missed+missed
		p.leader = led.holder
		if err := errors.Join(p.addPod(ctx), r.awaitStatus(ctx, p), pause(ctx, 100*time.Millisecond)); err != nil {
			return err
		}
		progress.Step(i + 1)
	}
	return nil
}
