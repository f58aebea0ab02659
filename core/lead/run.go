package lead

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// Func is what runs in one process of a pool at a time. Its context ends before its term does; [context.Cause] then is one of
// the four outcomes. It should return then, soon.
type Func func(ctx context.Context, term Term) error

// Run contends for the lead of a pool and calls fn once this process leads. If fn returns while its context lives, the term is
// released and Run returns fn's error. If a term ends before fn returned, Run waits for that and contends again, any number of
// times. Run returns as well once ctx has ended and fn has returned: with fn's error, if that is another than the end of its context,
// else with ErrReleased and the cause of ctx.
//
// fn must return when its context ends. If it has not by the time another member may lead, the process exits with status 1,
// unless [OnOverrun] says otherwise.
//
// While the policy, the rights or the API server are missing Run logs that, by [slog.Default], and waits.
func Run(ctx context.Context, pool string, fn Func, opts ...Option) error {
	if pool == "" {
		return errors.New("no pool is named")
	}
	o, err := complete(opts)
	if err != nil {
		return err
	}
	me, err := kube.Self()
	if err != nil {
		return err
	}
	connection, err := kube.Connect(o.config)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", o.config.Host, err)
	}
	defer connection.Close()
	log := slog.Default().With("pool", pool, "namespace", o.namespace, "identity", me.Identity)
	c := newContender(kube.NewPool(connection.Leases, o.namespace, pool), machineClock{}, me, log)
	c.renewConnections = connection.Renew
	c.overrun, c.exit = o.overrun, func() { os.Exit(1) }

	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	tell := newTeller(log, o.config, o.namespace)
	go kube.FollowPolicy(following, connection.Policies, o.namespace, pool, c.govern, tell.failed)
	go c.store.Follow(following, c.see, tell.failed)
	return c.run(ctx, fn)
}

// govern takes over what the policy says.
func (c *contender) govern(p *v1alpha1.LeaderPolicy) {
	rules := term.Pool{Durations: term.DefaultDurations}
	quit := false
	switch {
	case p == nil:
		rules.Closed, quit = "there is no LeaderPolicy of this name", true
	case p.Spec.Mode != v1alpha1.ModeParticipant:
		rules.Closed, quit = "the LeaderPolicy's spec.mode is not participant", true
	case p.Spec.Paused:
		rules.Closed = "the LeaderPolicy is paused"
	}
	if p != nil {
		d, err := kube.Durations(p)
		if err != nil {
			rules.Closed = err.Error()
		} else {
			rules.Durations = d
		}
		if p.Status.ObservedGeneration == 0 {
			rules.NewSince = max(c.clock.now().Mono, 1)
		}
		if p.Status.Candidates != nil {
			rules.Candidates = int(*p.Status.Candidates)
		}
	}
	c.rule(rules, quit)
}
