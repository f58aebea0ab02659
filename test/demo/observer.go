package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// observer watches a namespace and keeps what it was told, each event with the time at which it was delivered.
type observer struct {
	mu    sync.Mutex
	log   []event
	world *world
	// changed is closed, and made anew, with every event and every failure.
	changed chan struct{}
	err     error
}

// observe begins to watch. It ends with ctx.
func observe(ctx context.Context, c client.WithWatch, namespace string) (*observer, error) {
	o := &observer{world: newWorld(), changed: make(chan struct{})}
	for _, list := range []client.ObjectList{
		&corev1.NodeList{}, &corev1.PodList{}, &discoveryv1.EndpointSliceList{}, &corev1.ServiceList{}, &coordinationv1.LeaseList{}, &v1alpha1.LeaderPolicyList{},
	} {
		if err := o.follow(ctx, c, list, namespace); err != nil {
			return nil, fmt.Errorf("watch %T: %w", list, err)
		}
	}
	return o, nil
}

// follow takes what is there and every later event of one kind.
func (o *observer) follow(ctx context.Context, c client.WithWatch, list client.ObjectList, namespace string) error {
	if err := c.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return err
	}
	objects, err := meta.ExtractList(list)
	if err != nil {
		return err
	}
	for _, object := range objects {
		o.take(watch.Event{Type: watch.Added, Object: object})
	}
	// A connection that breaks is made again where it broke: no event is missed.
	w, err := watchtools.NewRetryWatcherWithContext(ctx, list.GetResourceVersion(), source{c, list, namespace})
	if err != nil {
		return err
	}
	go func() {
		defer w.Stop()
		for e := range w.ResultChan() {
			o.take(e)
		}
		o.fail(fmt.Errorf("the watch of %T ended", list))
	}()
	return nil
}

// source is what the retrying watcher watches.
type source struct {
	client    client.WithWatch
	list      client.ObjectList
	namespace string
}

func (s source) WatchWithContext(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	list := s.list.DeepCopyObject().(client.ObjectList)
	return s.client.Watch(ctx, list, client.InNamespace(s.namespace), &client.ListOptions{Raw: &o})
}

func (o *observer) take(e watch.Event) {
	at := time.Now()
	if e.Type == watch.Error {
		o.fail(apierrors.FromObject(e.Object))
		return
	}
	object, ok := e.Object.(client.Object)
	if !ok || e.Type == watch.Bookmark {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := event{at: at, kind: e.Type, object: object}
	o.log = append(o.log, seen)
	o.world.apply(seen)
	o.wake()
}

func (o *observer) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = errors.Join(o.err, err)
	o.wake()
}

func (o *observer) wake() {
	close(o.changed)
	o.changed = make(chan struct{})
}

// mark is the place in the log of the next event.
func (o *observer) mark() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.log)
}

// events returns the events from the first to the last that has come. Nobody changes them any more.
func (o *observer) events() []event {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clip(o.log)
}

// look lets see read the world, which does not change meanwhile.
func (o *observer) look(see func(*world)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	see(o.world)
}

// await waits until the world has no findings, looking again with every event. Its error tells the last findings.
func (o *observer) await(ctx context.Context, check func(*world) findings) error {
	for {
		o.mu.Lock()
		found, err, changed := check(o.world), o.err, o.changed
		o.mu.Unlock()
		switch {
		case err != nil:
			return fmt.Errorf("observe: %w", err)
		case len(found) == 0:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return context.Cause(ctx) // interrupted: nothing was expected by now
			}
			return &unmetError{findings: found, cause: context.Cause(ctx)}
		}
	}
}

// unmetError: what was waited for did not come.
type unmetError struct {
	findings findings
	cause    error
}

func (e *unmetError) Error() string {
	return strings.Join(append([]string{e.cause.Error()}, e.findings...), "\n  ")
}

func (e *unmetError) Unwrap() error { return e.cause }
