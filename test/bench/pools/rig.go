package pools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kube-zen/zen-lead/test/bench"
	"github.com/kube-zen/zen-lead/test/bench/audit"
	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

// agent is how our controller begins its name in the audit log.
const agent = "zen-lead/"

// rig is a control plane with our controller on it: etcd, which flushes each write to the disk, and the API server, as
// processes of their own; no controller manager, no scheduler, no kubelet.
type rig struct {
	cluster    *cluster.Cluster
	controller *zenlead.Controller
	population *population
	progress   io.Writer
}

func startRig(ctx context.Context, progress io.Writer) (*rig, error) {
	c, err := cluster.Start(ctx, cluster.Options{
		Layout: cluster.Separate, APIOnly: true, Fsync: true, AuditLog: true, Progress: progress,
	})
	if err != nil {
		return nil, err
	}
	r := &rig{cluster: c, progress: progress}
	if err := r.prepare(ctx); err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

func (r *rig) prepare(ctx context.Context) (err error) {
	if err := zenlead.Install(ctx, r.cluster); err != nil {
		return err
	}
	if r.population, err = newPopulation(r.cluster.RESTConfig()); err != nil {
		return err
	}
	for _, name := range []string{ours, theirs, apart} {
		if err := r.population.addNamespace(ctx, name); err != nil {
			return err
		}
	}
	r.controller, err = zenlead.Start(ctx, r.cluster, zenlead.Options{Metrics: true})
	return err
}

func (r *rig) stop() error {
	var err error
	if r.controller != nil {
		err = r.controller.Kill()
	}
	return errors.Join(err, r.cluster.Stop())
}

// populate makes pools in namespaces and waits until each has a leader and knows all its members.
func (r *rig) populate(ctx context.Context, o *observer, s size, namespaces ...string) error {
	told := bench.NewProgress(r.progress, fmt.Sprintf("creating pools of %d pods", s.pods), s.pools*len(namespaces))
	err := inParallel(ctx, s.pools*len(namespaces), func(ctx context.Context, i int) error {
		return r.population.add(ctx, namespaces[i%len(namespaces)], i/len(namespaces), s.pods)
	}, func(done int) {
		told.Step(done)
		o.look() // one caller at a time; what is seen meanwhile is more than the observer's backlog holds
	})
	if err != nil {
		return err
	}
	return o.awaitComplete(ctx, s, namespaces...)
}

// join makes pods of the numbers from first to the one before end in each of our pools, and waits until each pool knows
// as many candidates as s says.
func (r *rig) join(ctx context.Context, o *observer, s size, first, end int) error {
	told := bench.NewProgress(r.progress, fmt.Sprintf("adding %d pods to each pool", end-first), s.pools)
	err := inParallel(ctx, s.pools, func(ctx context.Context, n int) error {
		for i := first; i < end; i++ {
			if err := r.population.addPod(ctx, ours, n, i); err != nil {
				return err
			}
		}
		return nil
	}, func(done int) {
		told.Step(done)
		o.look()
	})
	if err != nil {
		return err
	}
	return o.awaitComplete(ctx, s, ours)
}

// requests returns what the API server was asked from one moment to another.
func (r *rig) requests(ctx context.Context, from, to time.Time) ([]audit.Request, error) {
	return audit.Between(ctx, r.cluster.AuditLog, r.population.client, apart, from, to)
}
