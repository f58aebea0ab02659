package api

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kube-zen/zen-lead/test/bench/swap"
)

// patience is how long a change may take until the benchmark gives up.
const patience = 30 * time.Second

// sighting is that a Lease was seen to name a holder.
type sighting struct {
	holder string
	at     time.Time
}

// leases knows whom the pools' Leases name and since when a watch of its own, on a connection of its own, has seen it.
type leases struct {
	mu      sync.Mutex
	newest  map[string]sighting
	changed chan struct{} // closed at the next change
	err     error
}

// watchLeases watches until ctx ends. The API server ends no watch within half an hour.
func watchLeases(ctx context.Context, config *rest.Config) (*leases, error) {
	client, err := kubernetes.NewForConfig(swap.Protobuf(swap.OwnConnection(config)))
	if err != nil {
		return nil, err
	}
	w, err := client.CoordinationV1().Leases(ours).Watch(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("watch of Leases: %w", err)
	}
	l := &leases{newest: map[string]sighting{}, changed: make(chan struct{})}
	go func() {
		for e := range w.ResultChan() {
			now := time.Now()
			if o, ok := e.Object.(*coordinationv1.Lease); ok && o.Spec.HolderIdentity != nil {
				l.see(o.Name, sighting{*o.Spec.HolderIdentity, now})
			}
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.err = errors.New("the watch of Leases ended")
		close(l.changed)
	}()
	return l, nil
}

func (l *leases) see(name string, s sighting) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.newest[name].holder == s.holder {
		return
	}
	l.newest[name] = s
	close(l.changed)
	l.changed = make(chan struct{})
}

// await waits until a pool's Lease names somebody else than not.
func (l *leases) await(ctx context.Context, name, not string) (sighting, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("nobody leads %s in the place of %q", name, not))
	defer cancel()
	for {
		l.mu.Lock()
		s, changed, err := l.newest[name], l.changed, l.err
		l.mu.Unlock()
		switch {
		case s.holder != "" && s.holder != not:
			return s, nil
		case err != nil:
			return sighting{}, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return sighting{}, context.Cause(ctx)
		}
	}
}
