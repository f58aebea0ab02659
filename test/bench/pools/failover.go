package pools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/kube-zen/zen-lead/test/bench"
	"github.com/kube-zen/zen-lead/test/bench/audit"
	"github.com/kube-zen/zen-lead/test/bench/peer"
	"github.com/kube-zen/zen-lead/test/bench/swap"
)

// round is one variant of failover, measured once in each pool of both programs.
type round struct {
	variant     variant
	ours, peers []move
	swaps       []time.Duration
	// oursAsked and peerAsked are what the API server was asked for the failovers.
	oursAsked, peerAsked audit.Count
}

// Failover measures how long a failover takes and what it writes, beside the peer.
func Failover(ctx context.Context, e bench.Effort, out, progress io.Writer) error {
	pools := bench.Pick(e, 50, 1000, 3000)
	r, err := startRig(ctx, progress)
	if err != nil {
		return err
	}
	rounds, err := measureFailovers(ctx, r, pools)
	if err := errors.Join(err, r.stop()); err != nil {
		return fmt.Errorf("failover: %w", err)
	}
	return reportFailovers(ctx, e, out, pools, rounds)
}

func measureFailovers(ctx context.Context, r *rig, pools int) (rounds []round, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	config := r.cluster.RESTConfig()
	o, err := observe(ctx, config, ours, theirs)
	if err != nil {
		return nil, err
	}
	p, err := startPeer(ctx, r.cluster.Kubeconfig)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	swapper, err := swap.New(ctx, config, apart)
	if err != nil {
		return nil, err
	}
	if err := r.populate(ctx, o, size{pools, podsPerPool}, ours, theirs); err != nil {
		return nil, err
	}
	for _, v := range []variant{deleted, unready} {
		got, err := r.round(ctx, o, swapper, v, pools)
		if err != nil {
			return nil, err
		}
		rounds = append(rounds, got)
	}
	return rounds, nil
}

// round lets each pool of both programs lose its leader once, one after the other. What zen-lead may still write when its
// failover is over (an event) falls into a compare-and-swap that is not measured, so that it lengthens neither the peer's
// failover nor the measure; the peer writes nothing more when its own is over.
func (r *rig) round(ctx context.Context, o *observer, swapper *swap.Raw, v variant, pools int) (round, error) {
	got := round{variant: v}
	told := bench.NewProgress(r.progress, "failovers, leader "+v.String(), pools)
	begin := time.Now()
	for i := range pools {
		our, err := r.failover(ctx, o, pool{ours, poolName(i)}, v)
		if err != nil {
			return got, err
		}
		if _, err := swapper.Swap(ctx); err != nil {
			return got, err
		}
		their, err := r.failover(ctx, o, pool{theirs, poolName(i)}, v)
		if err != nil {
			return got, err
		}
		took, err := swapper.Swap(ctx)
		if err != nil {
			return got, err
		}
		got.ours, got.peers, got.swaps = append(got.ours, our), append(got.peers, their), append(got.swaps, took)
		told.Step(i + 1)
	}
	asked, err := r.requests(ctx, begin, time.Now())
	if err != nil {
		return got, err
	}
	got.oursAsked, got.peerAsked = audit.CountOf(asked, agent), audit.CountOf(asked, peer.UserAgent)
	return got, nil
}

func (r *round) samples() [][]string {
	rows := make([][]string, 0, 3*len(r.swaps))
	us := func(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }
	for i := range r.swaps {
		n := strconv.Itoa(i)
		our, their := r.ours[i], r.peers[i]
		rows = append(rows,
			[]string{n, r.variant.String(), "zen-lead", our.pool, us(our.lease), us(our.slice), us(our.role), us(our.status), us(our.gone)},
			[]string{n, r.variant.String(), "peer", their.pool, us(their.lease), us(their.slice), "", "", us(their.gone)},
			[]string{n, r.variant.String(), "compare-and-swap", "", us(r.swaps[i]), "", "", "", ""},
		)
	}
	return rows
}
