// Package patience makes informers that are back within a second of the API server's return.
//
// client-go's reflectors wait up to a minute between tries after a long outage, so a leader that dies just after it
// would be noticed that late. The informers of this package ask again every second instead; the API server's own
// priority and fairness protects it from a crowd.
package patience

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// interval is the time between two tries; each is up to half as long again, so that replicas spread.
	interval = time.Second
	// refused is how long an answer that refuses is taken for that of an API server which has only just started: it
	// answers before it has loaded the roles.
	refused = 10 * time.Second
)

// NewInformer makes an informer as cache.NewSharedIndexInformer does, with patience.
func NewInformer(lw cache.ListerWatcher, o runtime.Object, resync time.Duration, indexers cache.Indexers) cache.SharedIndexInformer {
	inner := cache.ToListerWatcherWithContext(lw)
	return cache.NewSharedIndexInformer(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return patiently(ctx, func() (runtime.Object, error) { return inner.ListWithContext(ctx, options) })
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			return patiently(ctx, func() (watch.Interface, error) { return inner.WatchWithContext(ctx, options) })
		},
	}, o, resync, indexers)
}

// patiently tries until the API server answers. Every other error is the caller's, at once.
func patiently[T any](ctx context.Context, try func() (T, error)) (T, error) {
	since := time.Now()
	for first := true; ; first = false {
		v, err := try()
		if err == nil || !passing(err, time.Since(since)) {
			return v, err
		}
		if first {
			log.FromContext(ctx).Info("The API server does not serve; asking again every second", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return v, err
		case <-time.After(wait.Jitter(interval, 0.5)):
		}
	}
}

// passing says whether an error is that of an API server that is away or starting.
func passing(err error, trying time.Duration) bool {
	switch {
	case utilnet.IsConnectionRefused(err), utilnet.IsConnectionReset(err), utilnet.IsProbableEOF(err), utilnet.IsTimeout(err),
		apierrors.IsServiceUnavailable(err), apierrors.IsServerTimeout(err), apierrors.IsInternalError(err):
		return true
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return trying < refused
	default:
		return false
	}
}
