package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kube-zen/zen-lead/test/bench"
	"github.com/kube-zen/zen-lead/test/bench/api/load"
	"github.com/kube-zen/zen-lead/test/bench/swap"
)

// replicas is how many controllers run in propagation, each with subscribers of its own.
const replicas = 2

// loss is one failover, from the moment at which the deletion of the leader's pod is sent.
type loss struct {
	pool string
	// deleted is when the API server had answered, leased when a watch of the Lease saw the new leader.
	deleted, leased time.Duration
	// told is when the subscriber at each replica was told of it.
	told [replicas]time.Duration
}

// propagation is what was found.
type propagation struct {
	losses []loss
	swaps  []time.Duration
	events int64
}

// Propagation measures how long it takes from the deletion of a leader until a subscriber, at any replica, is told of the next.
func Propagation(ctx context.Context, e bench.Effort, out, progress io.Writer) error {
	var found propagation
	rounds := bench.Pick(e, 20, 300, 1000)
	err := onRig(ctx, progress, replicas, func(ctx context.Context, r *rig) error { return found.measure(ctx, r, rounds) })
	if err != nil {
		return fmt.Errorf("propagation: %w", err)
	}
	return found.report(ctx, e, out)
}

// subscribed is a pool with a subscriber at each replica.
type subscribed struct {
	*pool
	*audience
}

func (f *propagation) measure(ctx context.Context, r *rig, rounds int) (err error) {
	raw, err := swap.New(ctx, r.cluster.RESTConfig(), apart)
	if err != nil {
		return err
	}
	accounts, err := r.addAccounts(ctx)
	if err != nil {
		return err
	}
	// By the time that it is a pool's turn again, all is quiet there.
	const pools = 10
	var all []subscribed
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for i := range pools {
		p, err := r.addPool(ctx, fmt.Sprintf("pool-%d", i))
		if err != nil {
			return err
		}
		if err := r.awaitStatus(ctx, p); err != nil {
			return err
		}
		s := subscribed{p, newAudience(replicas)}
		if err := r.subscribe(ctx, s, accounts[i]); err != nil {
			return err
		}
		all = append(all, s)
	}
	told := bench.NewProgress(r.progress, "failovers", rounds)
	for i := range rounds {
		if err := f.one(ctx, r, raw, all[i%pools]); err != nil {
			return err
		}
		told.Step(i + 1)
	}
	for _, s := range all {
		f.events += s.events.Load()
	}
	return nil
}

// subscribe opens a stream at each replica; they end with ctx.
func (r *rig) subscribe(ctx context.Context, s subscribed, as account) error {
	for i, c := range r.controllers {
		ca, err := authorityOf(c)
		if err != nil {
			return err
		}
		g, err := load.NewGRPC(c.API.GRPC, ca, as.forZenLead, ours, s.name)
		if err != nil {
			return err
		}
		context.AfterFunc(ctx, func() { _ = g.Close() })
		if err := g.Watch(ctx, s.hear(i), s.end); err != nil {
			return err
		}
	}
	s.events.Store(0)
	return nil
}

// one measures one failover, and a compare-and-swap before it.
func (f *propagation) one(ctx context.Context, r *rig, raw *swap.Raw, s subscribed) error {
	took, err := raw.Swap(ctx)
	if err != nil {
		return err
	}
	c := s.expect(s.leader)
	if err := s.killLeader(ctx); err != nil {
		return err
	}
	l := loss{pool: s.name, deleted: time.Since(c.sent)}
	missed, err := s.await(ctx, c)
	if err != nil {
		return err
	}
	if missed > 0 {
		return fmt.Errorf("%d subscribers of %s were not told of the new leader within %s", missed, s.name, patience)
	}
	led, err := r.leases.await(ctx, s.name, s.leader)
	if err != nil {
		return err
	}
	if err := c.check(led.holder); err != nil {
		return err
	}
	l.leased = led.at.Sub(c.sent)
	copy(l.told[:], c.latencies(0))
	f.losses, f.swaps = append(f.losses, l), append(f.swaps, took)
	s.leader = led.holder
	return errors.Join(s.addPod(ctx), r.quiet(ctx, raw, s.pool))
}

// quiet waits until what follows a change has been written; what may still be, an event, falls into a compare-and-swap that is not measured.
func (r *rig) quiet(ctx context.Context, raw *swap.Raw, p *pool) error {
	if err := r.awaitStatus(ctx, p); err != nil {
		return err
	}
	_, err := raw.Swap(ctx)
	return err
}
