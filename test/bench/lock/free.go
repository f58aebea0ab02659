package lock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	zenlead "github.com/kube-zen/zen-lead/sdk/go"
	"github.com/kube-zen/zen-lead/test/bench"
	"github.com/kube-zen/zen-lead/test/bench/api/load"
)

// sideBySide is how many take locks at once, each another lock: who is alone takes one after the other of the same locks.
const sideBySide = 64

// free is what was found.
type free struct{ rounds []freeRound }

// freeRound is one turn of each.
type freeRound struct {
	// swaps, acquires and releases are latencies of who is alone.
	swaps, acquires, releases []time.Duration
	// rawPerSecond and pairsPerSecond are of all at once: raw writes; acquired and released, which is two writes.
	rawPerSecond, pairsPerSecond float64
}

// Free measures what a lock costs for which nobody else contends.
func Free(ctx context.Context, e bench.Effort, out, progress io.Writer) error {
	var found free
	err := onRig(ctx, progress, false, func(ctx context.Context, r *rig) error { return found.measure(ctx, e, r) })
	if err != nil {
		return fmt.Errorf("lock-free: %w", err)
	}
	return found.report(ctx, e, out)
}

func (f *free) measure(ctx context.Context, e bench.Effort, r *rig) (err error) {
	raws, err := r.freeRaws(ctx)
	if err != nil {
		return err
	}
	clients, err := r.clients(sideBySide)
	defer func() { err = errors.Join(err, clients.close()) }()
	if err != nil {
		return err
	}
	takers, err := r.takers(ctx, clients)
	if err != nil {
		return err
	}
	rounds, length := bench.Pick(e, 3, 15, 60), bench.Pick(e, 500*time.Millisecond, time.Second, time.Second)
	told := bench.NewProgress(r.progress, "rounds of free locks", rounds)
	for n := range rounds {
		if err := f.round(ctx, raws, takers, length); err != nil {
			return err
		}
		told.Step(n + 1)
	}
	return nil
}

// freeRaws are raw writers, on as many connections as there are replicas.
func (r *rig) freeRaws(ctx context.Context) ([]*raw, error) {
	all := make([]*raw, sideBySide)
	var direct client.Client
	for i := range all {
		if i%(sideBySide/replicas) == 0 {
			var err error
			if direct, err = r.rawClient(); err != nil {
				return nil, err
			}
		}
		var err error
		if all[i], err = r.newRaw(ctx, direct, fmt.Sprintf("raw-%d", i), 1); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// taker takes a free lock and gives it up. It is for one goroutine.
type taker struct {
	lock               *zenlead.Lock
	name               string
	acquires, releases []time.Duration
}

// takers are as many clients as there are locks, each with a lock of its own.
func (r *rig) takers(ctx context.Context, clients clients) (all []*taker, err error) {
	for i, c := range clients {
		name := fmt.Sprintf("free-%d", i)
		if _, err := r.addLock(ctx, name); err != nil {
			return nil, err
		}
		t := &taker{lock: c.Lock(name), name: name}
		if err := t.ask(ctx); err != nil { // connects, and is let in
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// ask takes the lock and gives it up.
func (t *taker) ask(ctx context.Context) error {
	sent := time.Now()
	if err := t.lock.TryLock(ctx); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	granted := time.Now()
	if err := t.lock.Unlock(ctx); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	t.acquires, t.releases = append(t.acquires, granted.Sub(sent)), append(t.releases, time.Since(granted))
	return nil
}

func (f *free) round(ctx context.Context, raws []*raw, takers []*taker, length time.Duration) (err error) {
	var one freeRound
	rawAsks, takes := make([]load.Ask, len(raws)), make([]load.Ask, len(takers))
	for i := range raws {
		rawAsks[i], takes[i] = raws[i].ask, takers[i].ask
	}
	alone, err := load.Closed(ctx, []load.Ask{inTurn(rawAsks)}, warmUp, length)
	if err != nil {
		return err
	}
	one.swaps = alone.Latencies
	if _, err = load.Closed(ctx, []load.Ask{inTurn(takes)}, 0, warmUp); err != nil {
		return err
	}
	for _, t := range takers {
		t.acquires, t.releases = nil, nil
	}
	if _, err = load.Closed(ctx, []load.Ask{inTurn(takes)}, 0, length); err != nil {
		return err
	}
	for _, t := range takers {
		one.acquires, one.releases = append(one.acquires, t.acquires...), append(one.releases, t.releases...)
	}
	together, err := load.Closed(ctx, rawAsks, warmUp, length)
	if err != nil {
		return err
	}
	one.rawPerSecond = together.PerSecond()
	if together, err = load.Closed(ctx, takes, warmUp, length); err != nil {
		return err
	}
	one.pairsPerSecond = together.PerSecond()
	f.rounds = append(f.rounds, one)
	return nil
}

// inTurn asks one after the other.
func inTurn(all []load.Ask) load.Ask {
	n := 0
	return func(ctx context.Context) error {
		n++
		return all[n%len(all)](ctx)
	}
}
