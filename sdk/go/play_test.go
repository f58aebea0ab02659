package zenlead

import (
	"context"
	"sync"
	"time"

	"github.com/kube-zen/zen-lead/sdk/go/internal/testserver"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// scene is what one stream does; it may wait for ctx to end.
type scene func(ctx context.Context, send testserver.Send) error

// play answers one watch after the other by the scenes, the last of which is repeated.
type play struct {
	scenes []scene

	mu sync.Mutex
	// resumes and opened are of each stream.
	resumes []string
	opened  []time.Time
}

func (p *play) watch(ctx context.Context, r *zenleadv1.WatchLeaderRequest, send testserver.Send) error {
	if r.GetPool() != "web" || r.GetNamespace() != "here" {
		return testserver.Error("UnknownPool", "only here/web is played")
	}
	p.mu.Lock()
	n := min(len(p.opened), len(p.scenes)-1)
	p.resumes, p.opened = append(p.resumes, r.GetResume()), append(p.opened, time.Now())
	p.mu.Unlock()
	return p.scenes[n](ctx, send)
}

func (p *play) streams() (resumes []string, opened []time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.resumes, p.opened
}

// sends is a stream that sends something and ends, with an error if there is one.
func sends(err error, events ...*zenleadv1.WatchLeaderResponse) scene {
	return func(_ context.Context, send testserver.Send) error {
		for _, e := range events {
			if err := send(e); err != nil {
				return err
			}
		}
		return err
	}
}

// stays is a stream that sends something, and then nothing any more.
func stays(events ...*zenleadv1.WatchLeaderResponse) scene {
	return func(ctx context.Context, send testserver.Send) error {
		err := sends(nil, events...)(ctx, send)
		<-ctx.Done()
		return err
	}
}

// beats is a stream that sends something, and then heartbeats.
func beats(events ...*zenleadv1.WatchLeaderResponse) scene {
	return func(ctx context.Context, send testserver.Send) error {
		for err := sends(nil, events...)(ctx, send); err == nil; err = send(heartbeat(100, false)) {
			select {
			case <-time.After(10 * time.Second):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}
}

// after is a stream that goes on with another scene after a time.
func after(d time.Duration, then scene, events ...*zenleadv1.WatchLeaderResponse) scene {
	return func(ctx context.Context, send testserver.Send) error {
		if err := sends(nil, events...)(ctx, send); err != nil {
			return err
		}
		select {
		case <-time.After(d):
			return then(ctx, send)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
