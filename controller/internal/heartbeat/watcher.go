package heartbeat

import (
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/kube-zen/zen-lead/controller/internal/patience"
)

const (
	// lookEvery is how often nodes are judged.
	lookEvery = time.Second
	// asleepFrom is the gap between two looks from which on the process slept, or starved.
	asleepFrom = 3 * time.Second
	// answerWithin is how soon a healthy API server answers.
	answerWithin = time.Second
)

// Watcher keeps a Judge informed. It is a runnable of a manager, on every replica.
type Watcher struct {
	judge  Judge
	leases coordinationclient.LeaseInterface
	news   chan event.GenericEvent
}

// New returns a watcher that hears nothing yet.
func New(client coordinationclient.LeasesGetter) *Watcher {
	return &Watcher{leases: client.Leases(corev1.NamespaceNodeLease), news: make(chan event.GenericEvent)}
}

// News tells the names of nodes, as objects, that have become silent or are heard again. Somebody must listen.
func (w *Watcher) News() <-chan event.GenericEvent { return w.news }

// Silent says whether a node has stopped to renew its Lease.
func (w *Watcher) Silent(node string) bool { return w.judge.Silent(node) }

// StillSilent reads the Lease of a node from the API server before it says so.
func (w *Watcher) StillSilent(ctx context.Context, node string) (bool, error) {
	if !w.judge.Silent(node) {
		return false, nil
	}
	if err := w.read(ctx, node); err != nil {
		return false, err
	}
	w.judge.mu.Lock()
	h, known := w.judge.nodes[node]
	w.judge.mu.Unlock()
	return known && time.Since(h.at) > time.Duration(silentAfter*float64(h.duration)), nil
}

// Start watches until ctx ends.
func (w *Watcher) Start(ctx context.Context) error {
	informer := patience.NewInformer(w.listerWatcher(), &coordinationv1.Lease{}, 0, nil)
	if err := informer.SetTransform(reduced); err != nil {
		return fmt.Errorf("watch node Leases: %w", err)
	}
	saw := func(o any) {
		if l, ok := o.(*coordinationv1.Lease); ok {
			w.saw(l)
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    saw,
		UpdateFunc: func(_, o any) { saw(o) },
		DeleteFunc: func(o any) {
			if key, err := cache.DeletionHandlingObjectToName(o); err == nil {
				w.judge.Forget(key.Name)
			}
		},
	})
	if err != nil {
		return fmt.Errorf("watch node Leases: %w", err)
	}
	go informer.RunWithContext(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookEvery):
			w.look(ctx)
		}
	}
}

// NeedLeaderElection tells the manager that every replica watches.
func (w *Watcher) NeedLeaderElection() bool { return false }

func (w *Watcher) look(ctx context.Context) {
	changed, late := w.judge.Look(time.Now())
	if len(late) > 0 {
		// Is it the node, or is nobody heard? One answer says.
		ctx, cancel := context.WithTimeout(ctx, answerWithin)
		defer cancel()
		if err := w.read(ctx, late[0]); err != nil {
			w.judge.Disturbed(time.Now())
		}
	}
	for _, name := range changed {
		select {
		case w.news <- event.GenericEvent{Object: &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}}:
		case <-ctx.Done():
		}
	}
}

// read asks the API server for the Lease of a node.
func (w *Watcher) read(ctx context.Context, node string) error {
	l, err := w.leases.Get(ctx, node, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		w.judge.Forget(node)
		return nil
	case err != nil:
		return fmt.Errorf("read Lease of node %s: %w", node, err)
	}
	w.saw(l)
	return nil
}

// saw tells the judge. A Lease that does not say when it was renewed, or for how long it lasts, says nothing.
func (w *Watcher) saw(l *coordinationv1.Lease) {
	if l.Spec.RenewTime == nil || l.Spec.LeaseDurationSeconds == nil || *l.Spec.LeaseDurationSeconds <= 0 {
		w.judge.Forget(l.Name)
		return
	}
	w.judge.Saw(l.Name, l.Spec.RenewTime.String(), time.Duration(*l.Spec.LeaseDurationSeconds)*time.Second, time.Now())
}

// reduced keeps of a Lease what is judged.
func reduced(o any) (any, error) {
	l, ok := o.(*coordinationv1.Lease)
	if !ok {
		return o, nil
	}
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: l.Namespace, Name: l.Name, UID: l.UID, ResourceVersion: l.ResourceVersion},
		Spec:       coordinationv1.LeaseSpec{RenewTime: l.Spec.RenewTime, LeaseDurationSeconds: l.Spec.LeaseDurationSeconds},
	}, nil
}

// listerWatcher tells the judge of each list and watch that begins: until then another one did not go on.
func (w *Watcher) listerWatcher() cache.ListerWatcher {
	disturbed := func() { w.judge.Disturbed(time.Now()) }
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			disturbed()
			defer disturbed()
			return w.leases.List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			disturbed()
			defer disturbed()
			return w.leases.Watch(ctx, o)
		},
	}
}
