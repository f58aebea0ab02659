// Package simulated is the door through which zen-lead's own simulation runs the real controller of pools without a
// cluster: the reconciler, and what decides when it is called, without the manager, caches and queue around them.
//
// It promises nothing to anybody else, has no stable API and is no way to embed the controller.
package simulated

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/kube-zen/zen-lead/controller/internal/pool"
)

// What the controller is made of, as it is.
type (
	Reconciler = pool.Reconciler
	// Watch says which changes of one kind of object have which pools decided anew.
	Watch = pool.Watch
	// Index finds objects of one kind in the cache by a key.
	Index = pool.Index
)

// Options of New.
type Options struct {
	// Client reads from a cache that is made as Pools.Cache says, and writes to the API server.
	Client client.Client
	// Live reads from the API server.
	Live     client.Reader
	Recorder events.EventRecorder
	Now      func() time.Time
	// Preferred says whether a pool prefers this replica. Nil: all pools do.
	Preferred func(types.NamespacedName) bool
	// Heartbeats tells which nodes are silent. Nil: none is.
	Heartbeats pool.Heartbeats
}

// Pools is the controller of pools. Its Beat runs beside it, as long as the process does.
type Pools struct {
	*Reconciler
	// Watches are those beside the one on policies, each change of which counts.
	Watches []Watch
	Indexes []Index
	// Cache says what the cache holds and in which form.
	Cache cache.Options
	// RateLimiter paces the retries of passes that failed.
	RateLimiter workqueue.TypedRateLimiter[reconcile.Request]
}

// New returns a controller without memory, as a process has that has just started. allPods says whether its cache holds
// all pods, as where no admission policy labels members.
func New(o Options, allPods bool) (*Pools, error) {
	held, err := pool.CacheOptions(pool.Scope{AllPods: allPods})
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	r := &pool.Reconciler{Client: o.Client, Live: o.Live, Recorder: o.Recorder, Now: o.Now, Preferred: o.Preferred, Heartbeats: o.Heartbeats}
	return &Pools{Reconciler: r, Watches: r.Watches(), Indexes: pool.Indexes(), Cache: held, RateLimiter: pool.RateLimiter()}, nil
}
