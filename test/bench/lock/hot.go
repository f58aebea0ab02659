package lock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kube-zen/zen-lead/test/bench"
)

// warmUp is what each turn begins with: processor and caches have then forgotten the program before.
const warmUp = 200 * time.Millisecond

// crowds are how many contend for the lock.
var crowds = []int{2, 8, 32, 1000}

// hot is what was found of one number of contenders.
type hot struct {
	contenders int
	// profile: it is not measured.
	profile bool
	rounds  []round
	// inOurs is what the API server counted while the lock of zen-lead went from hand to hand, and handovers how often it did.
	inOurs    counters
	handovers int
	// spent is the processor's time meanwhile; rawSpent that of raw writes, of which there were rawWrites.
	spent, rawSpent spent
	rawWrites       int
	// electors is how often in a second one got client-go's.
	electors float64
	orders   []turnOf
}

// round is one turn of each program.
type round struct {
	swaps []time.Duration
	// handovers a second.
	ours, etcd float64
}

// Hot measures how fast one lock goes from hand to hand.
func Hot(ctx context.Context, e bench.Effort, out, progress io.Writer) error {
	var found []*hot
	profiles := map[int][]byte{}
	err := onRig(ctx, progress, false, func(ctx context.Context, r *rig) error {
		for _, n := range crowds {
			h := &hot{contenders: n}
			found = append(found, h)
			if err := h.measure(ctx, e, r); err != nil {
				return fmt.Errorf("%d contenders: %w", n, err)
			}
		}
		return r.profileHot(ctx, e, profiles)
	})
	if err != nil {
		return fmt.Errorf("lock-hot: %w", err)
	}
	return reportHot(ctx, e, out, found, profiles)
}

// measure has all programs contend, one after the other, again and again.
func (h *hot) measure(ctx context.Context, e bench.Effort, r *rig) (err error) {
	direct, err := r.rawClient()
	if err != nil {
		return err
	}
	raw, err := r.newRaw(ctx, direct, fmt.Sprintf("raw-%d", h.contenders), h.contenders)
	if err != nil {
		return err
	}
	ours, leaveOurs, err := r.gatherOurs(ctx, h)
	if err != nil {
		return err
	}
	etcd, leaveEtcd, err := r.gatherEtcd(ctx, h.contenders)
	if err != nil {
		return errors.Join(err, leaveOurs())
	}
	rounds, length := bench.Pick(e, 3, 15, 60), bench.Pick(e, 500*time.Millisecond, time.Second, time.Second)
	told := bench.NewProgress(r.progress, fmt.Sprintf("rounds of %d contenders", h.contenders), rounds)
	for n := range rounds {
		if err = h.round(ctx, r, raw, ours, etcd, length); err != nil {
			break
		}
		told.Step(n + 1)
	}
	if err := errors.Join(err, leaveOurs(), leaveEtcd()); err != nil {
		return err
	}
	h.electors, err = r.electorsTurn(ctx, h.contenders, bench.Pick(e, time.Second, 5*time.Second, 5*time.Second), bench.Pick(e, 5*time.Second, 15*time.Second, time.Minute))
	return err
}

func (h *hot) round(ctx context.Context, r *rig, raw *raw, ours, etcd *crowd, length time.Duration) error {
	var one round
	took, err := r.spending(func() (err error) {
		was := raw.n
		one.swaps, err = raw.turn(ctx, length)
		h.rawWrites += int(raw.n - was)
		return err
	})
	if err != nil {
		return err
	}
	h.rawSpent = h.rawSpent.plus(took)
	before, err := r.counters(ctx)
	if err != nil {
		return err
	}
	passed := ours.gate.count()
	took, err = r.spending(func() (err error) {
		one.ours, err = ours.turn(length)
		return err
	})
	if err != nil {
		return errors.Join(err, ours.leave())
	}
	h.spent = h.spent.plus(took)
	after, err := r.counters(ctx)
	if err != nil {
		return err
	}
	h.inOurs, h.handovers = h.inOurs.plus(after.since(before)), h.handovers+ours.gate.count()-passed
	if one.etcd, err = etcd.turn(length); err != nil {
		return errors.Join(fmt.Errorf("etcd: %w", err), etcd.leave())
	}
	h.rounds = append(h.rounds, one)
	return nil
}

// turn swaps for a while, one after the other.
func (w *raw) turn(ctx context.Context, length time.Duration) (all []time.Duration, err error) {
	began := time.Now().Add(warmUp)
	for ends := began.Add(length); time.Now().Before(ends); {
		counts := !time.Now().Before(began)
		took, err := w.swap(ctx)
		if err != nil {
			return nil, err
		}
		if counts {
			all = append(all, took)
		}
	}
	return all, nil
}

// gatherOurs has contenders stand in line for a lock of zen-lead.
func (r *rig) gatherOurs(ctx context.Context, h *hot) (c *crowd, leave func() error, err error) {
	name := fmt.Sprintf("hot-%d", h.contenders)
	if h.profile {
		name += "-profile"
	}
	if _, err := r.addLock(ctx, name); err != nil {
		return nil, nil, err
	}
	clients, err := r.clients(h.contenders)
	if err != nil {
		return nil, nil, errors.Join(err, clients.close())
	}
	log := &orders{began: time.Now()}
	all := make([]mutex, len(clients))
	for i, c := range clients {
		all[i] = &contender{lock: c.Lock(name), n: i, orders: log}
	}
	if c, err = gather(ctx, all); err != nil {
		return nil, nil, errors.Join(err, clients.close())
	}
	return c, func() error {
		err := errors.Join(c.leave(), clients.close())
		h.orders = log.all
		return err
	}, nil
}

func (r *rig) gatherEtcd(ctx context.Context, contenders int) (c *crowd, leave func() error, err error) {
	p, err := r.newEtcdPeer(ctx, contenders)
	if err != nil {
		return nil, nil, err
	}
	if c, err = gather(ctx, p.mutexes); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("etcd: %w", err), p.close())
	}
	return c, func() error { return errors.Join(c.leave(), p.close()) }, nil
}
