package api

import (
	"context"
	"errors"
	"time"

	"github.com/kube-zen/zen-lead/test/bench/api/load"
	"github.com/kube-zen/zen-lead/test/bench/profiled"
)

// profile has a controller that is profiled asked once more in each way. It is not measured.
func (f *reads) profile(ctx context.Context, r *rig, accounts []account, p *pool, length time.Duration) error {
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
	w, err := r.connect(ctx, accounts, p)
	if err != nil {
		return err
	}
	for _, way := range w.all {
		if way.ofZenLead {
			if err := f.profileOf(ctx, v, way, length); err != nil {
				return errors.Join(err, w.close())
			}
		}
	}
	return w.close()
}

func (f *reads) profileOf(ctx context.Context, v *profiled.Variant, w *way, length time.Duration) (err error) {
	loaded := make(chan error, 1)
	go func() {
		_, err := load.Closed(ctx, w.asks, 0, length+2*warmUp)
		loaded <- err
	}()
	if err := pause(ctx, warmUp); err != nil {
		return errors.Join(err, <-loaded)
	}
	f.profiles[w.key], err = cpuOf(ctx, v, length)
	return errors.Join(err, <-loaded)
}

// cpuOf tells where a controller spends the time from now on: by itself, and with all that is called from there.
func cpuOf(ctx context.Context, v *profiled.Variant, length time.Duration) ([]byte, error) {
	self, err := v.CPU(ctx, length)
	if err != nil {
		return nil, err
	}
	below, err := v.Below(ctx)
	return append(append(self, '\n'), below...), err
}
