package lock

import (
	"context"
	"errors"
	"time"

	"github.com/kube-zen/zen-lead/test/bench"
	"github.com/kube-zen/zen-lead/test/bench/profiled"
)

// profiledCrowds are the numbers of contenders that are profiled.
var profiledCrowds = []int{32, 1000}

// profileHot has a controller that is profiled hand a lock over. It is not measured, and has no other replica beside it.
func (r *rig) profileHot(ctx context.Context, e bench.Effort, found map[int][]byte) error {
	v, err := r.profiled(ctx)
	if err != nil {
		return err
	}
	for _, n := range profiledCrowds {
		if found[n], err = r.profileOf(ctx, v, n, bench.Pick(e, 2*time.Second, 5*time.Second, 10*time.Second)); err != nil {
			return err
		}
	}
	return nil
}

func (r *rig) profileOf(ctx context.Context, v *profiled.Variant, contenders int, length time.Duration) (text []byte, err error) {
	c, leave, err := r.gatherOurs(ctx, &hot{contenders: contenders, profile: true})
	if err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() {
		_, err := c.turn(length + time.Second)
		ended <- err
	}()
	text, err = cpuOf(ctx, v, length)
	return text, errors.Join(err, <-ended, leave())
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
