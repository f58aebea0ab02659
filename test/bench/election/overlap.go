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
	"github.com/kube-zen/zen-lead/test/election/overlap"
)

// run is one schedule that was carried out on one pool.
type run struct {
	program program
	pool    string
	// late says how late the answer came.
	late lateness
	overlap.Schedule
	overlap.Outcome
}

// lateness is how late the answer to a renewal comes.
type lateness string

// Two kinds of runs have an answer that comes just before a request is given up, by a timeout of client-go's members (half the renew
// deadline, as controller-runtime sets it) or of ours: the latest that is believed.
const (
	theirTimeout lateness = "just within client-go's timeout"
	ourTimeout   lateness = "just within zen-lead's timeout"
	anyTime      lateness = "at any time"
)

// latenesses are those of one round after another.
var latenesses = []lateness{theirTimeout, anyTime, ourTimeout, anyTime}

// overlaps is what was found.
type overlaps struct {
	mu  sync.Mutex
	all []run
}

// Overlap counts in how many runs two members work at once although no process is paused and no clock is wrong: a renewal is applied,
// its answer comes late, then the leader is cut off.
func Overlap(ctx context.Context, e bench.Effort, out, progress io.Writer) error {
	var found overlaps
	if err := onRig(ctx, progress, func(ctx context.Context, r *rig) error { return found.measure(ctx, e, r) }); err != nil {
		return fmt.Errorf("overlap: %w", err)
	}
	return found.report(ctx, e, out)
}

func (f *overlaps) measure(ctx context.Context, e bench.Effort, r *rig) error {
	many, few := bench.Pick(e, 4, 30, 30), bench.Pick(e, 1, 8, 8)
	rounds, tuned := bench.Pick(e, 2, 12, 100), bench.Pick(e, 4, 48, 400)
	told := bench.NewProgress(r.progress, "leaders cut off after late answers", 2*(many*rounds+few*tuned))
	group, ctx := errgroup.WithContext(ctx)
	starting := make(chan struct{}, starters)
	for _, p := range programs {
		pools, n := many, rounds
		if p == oursTuned || p == theirTuned {
			pools, n = few, tuned
		}
		for i := range pools {
			group.Go(func() error { return f.runs(ctx, r, p, i, n, starting, told) })
		}
	}
	return group.Wait()
}

// runs carries out n schedules on pool i of a program.
func (f *overlaps) runs(ctx context.Context, r *rig, p program, i, n int, starting chan struct{}, told *bench.Progress) (err error) {
	starting <- struct{}{}
	l, err := r.startOverlap(ctx, p, i)
	<-starting
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	chance := rand.New(rand.NewPCG(uint64(i), 1)) // each program meets the same schedules
	for k := range n {
		late := latenesses[k%len(latenesses)]
		s := p.schedule(chance, late)
		if err := wait(ctx, time.Second+time.Duration(chance.Int64N(int64(p.durations.Interval())))); err != nil {
			return err
		}
		o, err := l.Run(ctx, s)
		if err != nil {
			return err
		}
		f.mu.Lock()
		f.all = append(f.all, run{p, p.pool(i), late, s, o})
		told.Step(len(f.all))
		f.mu.Unlock()
	}
	return nil
}

// schedule draws the next one. Half of the leaders are deaf meanwhile.
func (p program) schedule(chance *rand.Rand, l lateness) overlap.Schedule {
	s := overlap.Schedule{Late: time.Duration(chance.Int64N(int64(p.durations.Lease))), Deaf: chance.IntN(2) == 1}
	const just = 0.98
	switch l {
	case theirTimeout:
		s.Late = time.Duration(just * float64(p.durations.RenewDeadline/2))
	case ourTimeout:
		s.Late = time.Duration(just * float64(p.durations.RequestTimeout()))
	case anyTime:
	}
	return s
}

func (r *rig) startOverlap(ctx context.Context, p program, i int) (*overlap.Pool, error) {
	if err := r.addPool(ctx, p, p.pool(i)); err != nil {
		return nil, err
	}
	return overlap.Start(ctx, overlap.Options{
		Elector: p.elector, Kubeconfig: r.kubeconfigs[p.namespace()], Namespace: p.namespace(), Pool: p.pool(i),
		// A release that hangs on the cut link would keep the work of client-go's leader going for longer.
		Members: membersPerPool, Lease: p.durations.Lease, Args: p.args("-release=false"),
	})
}
