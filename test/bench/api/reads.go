package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/kube-zen/zen-lead/test/bench"
	"github.com/kube-zen/zen-lead/test/bench/api/load"
	"github.com/kube-zen/zen-lead/test/bench/usage"
	"github.com/kube-zen/zen-lead/test/cluster"
)

// reads is what was found.
type reads struct {
	ways  []*way
	turns []turn
	// waited are requests of the callers that the API server did not exempt.
	waited waits
	// profiles are where the controller spent its time, by the name of the way.
	profiles map[string][]byte
}

// turn is one way's slice of time.
type turn struct {
	way   *way
	round int
	load.Slice
	// server and client are the processor's time that the processes which answer used, and this one.
	server, client time.Duration
}

// Reads measures how often zen-lead is asked who leads, and answers, beside the same from the API server.
func Reads(ctx context.Context, e bench.Effort, out, progress io.Writer) error {
	found := reads{profiles: map[string][]byte{}}
	err := onRig(ctx, progress, 1, func(ctx context.Context, r *rig) error { return found.measure(ctx, e, r) })
	if err != nil {
		return fmt.Errorf("reads: %w", err)
	}
	return found.report(ctx, e, out)
}

// warmUp is what each slice begins with: processor and caches have then forgotten the way before.
const warmUp = time.Second

func (f *reads) measure(ctx context.Context, e bench.Effort, r *rig) error {
	const name = "web"
	p, err := r.addPool(ctx, name)
	if err != nil {
		return err
	}
	if err := r.awaitStatus(ctx, p); err != nil {
		return err
	}
	accounts, err := r.addAccounts(ctx)
	if err != nil {
		return err
	}
	if err := r.exemptCallers(ctx); err != nil {
		return err
	}
	w, err := r.connect(ctx, accounts, p)
	if err != nil {
		return err
	}
	f.ways = w.all
	if err := r.awaitExempt(ctx, f.ways[0].asks[0]); err != nil {
		return errors.Join(err, w.close())
	}
	rounds, length := bench.Pick(e, 1, 10, 30), bench.Pick(e, 2*time.Second, 4*time.Second, 6*time.Second)
	before, err := r.flowControl(ctx)
	if err != nil {
		return err
	}
	told := bench.NewProgress(r.progress, "rounds of reads", rounds)
	for n := range rounds {
		for _, way := range f.ways {
			t, err := r.turn(ctx, way, length)
			if err != nil {
				return fmt.Errorf("%s: %w", way.name, err)
			}
			t.round = n
			f.turns = append(f.turns, t)
		}
		told.Step(n + 1)
	}
	after, err := r.flowControl(ctx)
	if err != nil {
		return err
	}
	f.waited = after.since(before)
	if err := w.close(); err != nil {
		return err
	}
	return f.profile(ctx, r, accounts, p, length)
}

// turn has all callers ask in one way.
func (r *rig) turn(ctx context.Context, w *way, length time.Duration) (t turn, err error) {
	t.way = w
	serverBefore, clientBefore, err := r.used(w)
	if err != nil {
		return t, err
	}
	if t.Slice, err = load.Closed(ctx, w.asks, warmUp, length); err != nil {
		return t, err
	}
	server, client, err := r.used(w)
	t.server, t.client = server-serverBefore, client-clientBefore
	return t, err
}

// used is how much of the processor those who answer have used, and this process.
func (r *rig) used(w *way) (server, client time.Duration, err error) {
	pids := []int{}
	if w.ofZenLead {
		pids = append(pids, r.controllers[0].PID())
	} else {
		for _, c := range []cluster.Component{cluster.APIServer, cluster.Etcd} {
			pid, err := r.cluster.PID(c)
			if err != nil {
				return 0, 0, err
			}
			pids = append(pids, pid)
		}
	}
	for _, pid := range pids {
		u, err := usage.Of(pid)
		if err != nil {
			return 0, 0, err
		}
		server += u.CPU
	}
	u, err := usage.Of(os.Getpid())
	return server, u.CPU, err
}
