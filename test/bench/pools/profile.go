package pools

import (
	"context"

	"github.com/kube-zen/zen-lead/test/bench/profiled"
)

// profileStorm lets one more storm come, which is not measured, over a controller that is profiled.
func (f *storm) profileStorm(ctx context.Context, r *rig, o *observer) error {
	v, err := profiled.Build(ctx, r.cluster.Dir)
	if err != nil {
		return err
	}
	if err := r.awaitQuiet(ctx); err != nil {
		return err
	}
	if err := r.controller.Stop(ctx); err != nil {
		return err
	}
	if _, err := r.startAgain(ctx, v.Options()); err != nil {
		return err
	}
	last := f.ours[len(f.ours)-1]
	_, err = r.surge(ctx, o, f.pools, "storm for the profile", func(ctx context.Context) (err error) {
		f.profile, err = v.CPU(ctx, last.seconds())
		return err
	})
	return err
}
