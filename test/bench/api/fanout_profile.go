package api

import (
	"context"
	"errors"
	"time"

	"github.com/kube-zen/zen-lead/test/bench/profiled"
)

// takeProfile has a controller that is profiled tell as many subscribers. It is not measured.
func (f *fanout) takeProfile(ctx context.Context, r *rig, p *pool, accounts []account) error {
	v, err := profiled.Build(ctx, r.cluster.Dir)
	if err != nil {
		return err
	}
	if err := r.stopControllers(ctx); err != nil {
		return err
	}
	if err := r.startController(ctx, v.Options()); err != nil {
		return err
	}
	again := &fanout{subscribers: f.subscribers}
	return again.listen(ctx, r, p, accounts, func(ctx context.Context, a *audience) error {
		if f.heap, err = v.Heap(ctx); err != nil {
			return err
		}
		changed := make(chan error, 1)
		go func() { changed <- again.change(ctx, r, p, a, profiledChanges) }()
		f.profile, err = cpuOf(ctx, v, 5*time.Second)
		return errors.Join(err, <-changed)
	})
}

// profiledChanges take about as long as the profile.
const profiledChanges = 15
