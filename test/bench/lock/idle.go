package lock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	corelock "github.com/kube-zen/zen-lead/core/lock"
	zenlead "github.com/kube-zen/zen-lead/sdk/go"
	"github.com/kube-zen/zen-lead/test/bench"
	"github.com/kube-zen/zen-lead/test/bench/audit"
	"github.com/kube-zen/zen-lead/test/election"
)

const (
	// ttl is the default.
	ttl = 15 * time.Second
	// settled is how long after the last grant nothing is written any more that has to do with it.
	settled = 10 * time.Second
	// agent is how our controller begins its name in the audit log.
	agent = "zen-lead/"
	// aheadOfTime is when, before a lock may be free, it is tried for the first time, and tryEvery how often then.
	aheadOfTime = 50 * time.Millisecond
	tryEvery    = 5 * time.Millisecond
	// emptiedWithin is how long it may take until all records are.
	emptiedWithin = 5 * time.Minute
)

// idle is what was found.
type idle struct {
	locks, sampled int
	rest           time.Duration
	requests       audit.Count
	cores          float64
	c              time.Duration
	freed          []freed
	// emptied is when, after the kill, the last record was.
	emptied time.Duration
}

// freed is one lock whose holder was killed. took is since its last renewal was sent.
type freed struct {
	lock int
	took time.Duration
	// early: sooner than the ttl and the margin.
	early bool
}

// Idle measures what many held locks cost at rest, and how soon they are free when their holder dies.
func Idle(ctx context.Context, e bench.Effort, out, progress io.Writer) error {
	found := idle{
		locks: bench.Pick(e, 500, 10_000, 10_000), sampled: bench.Pick(e, 50, 500, 1000),
		rest: bench.Pick(e, 10*time.Second, time.Minute, 10*time.Minute),
	}
	err := onRig(ctx, progress, true, found.measure)
	if err != nil {
		return fmt.Errorf("lock-idle: %w", err)
	}
	return found.report(ctx, e, out)
}

func (f *idle) measure(ctx context.Context, r *rig) error {
	told := bench.NewProgress(r.progress, "locks", f.locks)
	err := r.addLocks(ctx, f.locks, told.Step)
	if err != nil {
		return err
	}
	direct, err := r.rawClient()
	if err != nil {
		return err
	}
	raw, err := r.newRaw(ctx, direct, "raw", 1)
	if err != nil {
		return err
	}
	p, err := r.startHolder(ctx, f.locks)
	if err != nil {
		return err
	}
	if err := p.await(ctx); err != nil {
		return errors.Join(err, p.kill())
	}
	told = bench.NewProgress(r.progress, "seconds of rest", int(f.rest.Seconds()))
	from, to, err := f.atRest(ctx, r)
	told.Step(int(f.rest.Seconds()))
	if err != nil {
		return errors.Join(err, p.kill())
	}
	swaps, err := raw.turn(ctx, time.Second)
	if err != nil {
		return errors.Join(err, p.kill())
	}
	f.c = bench.Quantile(swaps, 0.5)
	if err := f.killed(ctx, r, p); err != nil {
		return err
	}
	if err := r.killControllers(); err != nil { // watches show up in the log when they end
		return err
	}
	requests, err := audit.Between(ctx, r.cluster.AuditLog, r.client, apart, from, to)
	f.requests = audit.CountOf(requests, agent)
	return err
}

// addLocks makes as many locks as are to be held.
func (r *rig) addLocks(ctx context.Context, n int, made func(int)) error {
	c, err := client.New(r.cluster.RESTConfig(), client.Options{Scheme: r.scheme})
	if err != nil {
		return err
	}
	const batch = 500
	for from := 0; from < n; from += batch {
		err := inParallel(ctx, min(batch, n-from), func(ctx context.Context, i int) error {
			return c.Create(ctx, &v1alpha1.ManualLock{ObjectMeta: metav1.ObjectMeta{Namespace: ours, Name: held(from + i)}})
		})
		if err != nil {
			return fmt.Errorf("locks: %w", err)
		}
		made(min(from+batch, n))
	}
	return nil
}

// atRest lets time pass, and returns from when to when it did.
func (f *idle) atRest(ctx context.Context, r *rig) (from, to time.Time, err error) {
	if err = pause(ctx, settled); err != nil {
		return from, to, err
	}
	from = time.Now()
	took, err := r.spending(func() error { return pause(ctx, f.rest) })
	to = time.Now()
	f.cores = took.controllers.Seconds() / to.Sub(from).Seconds()
	return from, to, err
}

// killed kills the holder, and tries a sample of its locks until each is free.
func (f *idle) killed(ctx context.Context, r *rig, p *holderProcess) (err error) {
	clients, err := r.clients(accounts * replicas)
	defer func() { err = errors.Join(err, clients.close()) }()
	if err != nil {
		return errors.Join(err, p.kill())
	}
	emptied, stop, err := r.watchEmptied(ctx, p.owner(), f.locks)
	if err != nil {
		return errors.Join(err, p.kill())
	}
	defer stop()
	err = p.quiet(ctx)
	at := election.Now()
	if err := errors.Join(err, p.kill()); err != nil {
		return err
	}
	told := bench.NewProgress(r.progress, "locks that were tried until free", f.sampled)
	f.freed = make([]freed, f.sampled)
	err = atOnce(ctx, f.sampled, func(ctx context.Context, n int) (err error) {
		i := n * f.locks / f.sampled
		f.freed[n], err = try(ctx, clients[n%len(clients)], i, p.renewed[i])
		return err
	})
	if err != nil {
		return err
	}
	told.Step(f.sampled)
	select {
	case last := <-emptied:
		f.emptied = last - at
		return nil
	case <-time.After(emptiedWithin):
		return fmt.Errorf("not all records are emptied within %s", emptiedWithin)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// try tries a lock until it is free.
func try(ctx context.Context, c *zenlead.Client, i int, renewed time.Duration) (freed, error) {
	free := renewed + corelock.Wait(ttl)
	if err := pause(ctx, free-aheadOfTime-election.Now()); err != nil {
		return freed{}, err
	}
	l := c.Lock(held(i))
	for {
		err := l.TryLock(ctx)
		now := election.Now()
		switch {
		case err == nil:
			return freed{lock: i, took: now - renewed, early: now < free}, l.Unlock(ctx)
		case !errors.Is(err, zenlead.ErrHeld):
			return freed{}, fmt.Errorf("%s: %w", held(i), err)
		}
		if err := pause(ctx, tryEvery); err != nil {
			return freed{}, err
		}
	}
}
