package kube

import (
	"context"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// Follow tells of the Lease as it is, nil where it is missing, and of each change, until ctx ends. It watches: at rest it sends
// nothing. While the API server cannot be followed it tells failed and tries again, at least every second.
func (p *Pool) Follow(ctx context.Context, tell func(*Lease), failed func(error)) {
	follow(ctx, p.name, &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return p.leases.List(ctx, o) },
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return p.leases.Watch(ctx, o)
		},
	}, func(o *coordinationv1.Lease) {
		if o == nil {
			tell(nil)
			return
		}
		l, err := LeaseOf(o)
		if err != nil {
			failed(err)
			return
		}
		tell(l)
	}, failed)
}

// follow tells of the one object of a name.
func follow[T any, O interface {
	*T
	runtime.Object
}](ctx context.Context, name string, lw *cache.ListWatch, tell func(O), failed func(error)) {
	named := func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	}
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			named(&o)
			list, err := lw.ListWithContextFunc(ctx, o)
			report(ctx, failed, err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			named(&o)
			w, err := lw.WatchFuncWithContext(ctx, o)
			report(ctx, failed, err)
			return w, err
		},
	}
	// client-go's own back-off grows to half a minute, in which a leader may die unnoticed.
	backoff := &wait.Backoff{Duration: 100 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 5, Cap: time.Second}
	r := cache.NewReflectorWithOptions(source, O(new(T)), sink[T, O]{tell}, cache.ReflectorOptions{Name: name, Backoff: backoff})
	r.RunWithContext(ctx)
}

func report(ctx context.Context, failed func(error), err error) {
	if err != nil && ctx.Err() == nil {
		failed(err)
	}
}

// sink is where a reflector stores the one object that it follows.
type sink[T any, O interface {
	*T
	runtime.Object
}] struct{ tell func(O) }

func (s sink[T, O]) Add(o any) error    { s.tell(o.(O)); return nil }
func (s sink[T, O]) Update(o any) error { s.tell(o.(O)); return nil }
func (s sink[T, O]) Delete(any) error   { s.tell(nil); return nil }
func (s sink[T, O]) Resync() error      { return nil }

func (s sink[T, O]) Replace(all []any, _ string) error {
	if len(all) == 0 {
		return s.Delete(nil)
	}
	return s.Add(all[0])
}
