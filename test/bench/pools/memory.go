package pools

import (
	"context"
	"time"

	"github.com/kube-zen/zen-lead/test/bench/profiled"
	"github.com/kube-zen/zen-lead/test/bench/usage"
)

// memory is what pools cost the controller's process.
type memory struct {
	// empty and live are the bytes that a garbage collection kept: before there was any pool, and with all of them at rest.
	empty, live int64
	// fresh and grown are the same of a process that has written nothing yet, with all pools and with one more pod in each.
	// An older process still holds the events that it told in the last minutes.
	fresh, grown int64
	// resident is the process's memory at rest, peak the most that it ever was.
	resident, peak int64
	// idleFrom and idleCPU are when the idle time began and what the process had used of the processor then; cores is what
	// it used on average until the end of that time.
	idleFrom time.Time
	idleCPU  time.Duration
	cores    float64
	// ready and decided are how long a new process takes until it is ready, and until it has decided all pools.
	ready, decided time.Duration
	// profile says who allocated the heap.
	profile []byte
}

func (m *memory) beginIdle(pid int) error {
	u, err := usage.Of(pid)
	m.idleFrom, m.idleCPU = time.Now(), u.CPU
	return err
}

func (m *memory) endIdle(pid int) error {
	u, err := usage.Of(pid)
	m.cores = float64(u.CPU-m.idleCPU) / float64(time.Since(m.idleFrom))
	return err
}

// look notes the process's memory.
func (m *memory) look(pid int) error {
	u, err := usage.Of(pid)
	m.resident, m.peak = u.Resident, u.Peak
	return err
}

// shares returns how many bytes of the live heap are due to a pool and to a pod in it. A pod is what one more in each
// pool cost; a pool is what is left of its share when its pods are taken off: policy, Lease, Service, slice, and what the
// controller remembers.
func (m *memory) shares(s size) (pool, pod float64) {
	pod = float64(m.grown-m.fresh) / float64(s.pools)
	pool = float64(m.fresh-m.empty)/float64(s.pools) - float64(s.pods)*pod
	return pool, pod
}

// grow measures the heap of the process that was just started, and again with one more pod in each pool.
func (f *stay) grow(ctx context.Context, r *rig, o *observer, s *scraper) (err error) {
	// The failover took a pod away.
	if err := r.population.addPod(ctx, ours, 0, f.size.pods+1); err != nil {
		return err
	}
	if err := r.awaitQuiet(ctx); err != nil {
		return err
	}
	if f.memory.fresh, err = s.heapAtRest(ctx, r.controller.Metrics); err != nil {
		return err
	}
	if err := r.join(ctx, o, size{f.size.pools, f.size.pods + 1}, f.size.pods, f.size.pods+1); err != nil {
		return err
	}
	if err := r.awaitQuiet(ctx); err != nil {
		return err
	}
	f.memory.grown, err = s.heapAtRest(ctx, r.controller.Metrics)
	return err
}

// profileHeap starts a controller that can be profiled and asks it for its heap when it has decided all pools.
func (f *stay) profileHeap(ctx context.Context, r *rig, s *scraper) error {
	v, err := profiled.Build(ctx, r.cluster.Dir)
	if err != nil {
		return err
	}
	if err := r.controller.Stop(ctx); err != nil {
		return err
	}
	if _, _, _, err := r.restart(ctx, s, f.size.pools, v.Options()); err != nil {
		return err
	}
	f.memory.profile, err = v.Heap(ctx)
	return err
}
