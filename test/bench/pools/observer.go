package pools

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	watchtools "k8s.io/client-go/tools/watch"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/bench/swap"
)

// observer sees what happens to pools through watches of its own. Each watch stamps its events as it receives them and
// hands them over; one goroutine, the caller's, takes them up in look and await, so nothing here needs a lock.
type observer struct {
	seen   chan sighting
	failed chan error

	// leader is whom the slice of a pool names now.
	leader map[pool]sighting
	// candidates is what the status of a pool says now.
	candidates map[pool]int64
}

// backlog is how many facts may wait for the caller. A failover makes about ten.
const backlog = 1 << 17

// observe starts the watches of some namespaces. They run until ctx ends. A watch that the API server ends before (it
// does so for a kind that was just installed, and to every watch now and then) goes on where it stood.
func observe(ctx context.Context, config *rest.Config, namespaces ...string) (*observer, error) {
	o := &observer{
		seen: make(chan sighting, backlog), failed: make(chan error, 1),
		leader: map[pool]sighting{}, candidates: map[pool]int64{},
	}
	start, err := revision(ctx, config)
	if err != nil {
		return nil, err
	}
	for _, ns := range namespaces {
		for _, open := range watches(ns) {
			// A connection for each watch: the events of one kind then never wait behind those of another.
			again := resumable{open: open, config: swap.OwnConnection(config)}
			w, err := watchtools.NewRetryWatcherWithContext(ctx, start, again)
			if err != nil {
				return nil, fmt.Errorf("watch of namespace %s: %w", ns, err)
			}
			go o.follow(ctx, w)
		}
	}
	return o, nil
}

// revision is where all watches start. All kinds are in one etcd, whose revision a list tells.
func revision(ctx context.Context, config *rest.Config) (string, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return "", err
	}
	l, err := client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return "", fmt.Errorf("ask for the revision: %w", err)
	}
	return l.ResourceVersion, nil
}

// resumable opens a watch again from the version that it is given.
type resumable struct {
	open   opener
	config *rest.Config
}

func (r resumable) WatchWithContext(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	o.TimeoutSeconds = new(int64(3 * time.Hour / time.Second))
	return r.open(ctx, r.config, o)
}

type opener func(context.Context, *rest.Config, metav1.ListOptions) (watch.Interface, error)

func watches(ns string) []opener {
	typed := func(open func(context.Context, kubernetes.Interface, metav1.ListOptions) (watch.Interface, error)) opener {
		return func(ctx context.Context, c *rest.Config, o metav1.ListOptions) (watch.Interface, error) {
			client, err := kubernetes.NewForConfig(swap.Protobuf(c))
			if err != nil {
				return nil, err
			}
			return open(ctx, client, o)
		}
	}
	return []opener{
		typed(func(ctx context.Context, c kubernetes.Interface, o metav1.ListOptions) (watch.Interface, error) {
			return c.CoreV1().Pods(ns).Watch(ctx, o)
		}),
		typed(func(ctx context.Context, c kubernetes.Interface, o metav1.ListOptions) (watch.Interface, error) {
			return c.CoordinationV1().Leases(ns).Watch(ctx, o)
		}),
		typed(func(ctx context.Context, c kubernetes.Interface, o metav1.ListOptions) (watch.Interface, error) {
			return c.DiscoveryV1().EndpointSlices(ns).Watch(ctx, o)
		}),
		func(ctx context.Context, c *rest.Config, o metav1.ListOptions) (watch.Interface, error) {
			client, err := dynamic.NewForConfig(c)
			if err != nil {
				return nil, err
			}
			return client.Resource(v1alpha1.GroupVersion.WithResource("leaderpolicies")).Namespace(ns).Watch(ctx, o)
		},
	}
}

func (o *observer) follow(ctx context.Context, w watch.Interface) {
	defer w.Stop()
	for e := range w.ResultChan() {
		now := time.Now()
		if e.Type == watch.Error {
			o.fail(fmt.Errorf("watch: %w", apierrors.FromObject(e.Object)))
			return
		}
		for _, s := range factsOf(e.Type, e.Object) {
			s.at = now
			select {
			case o.seen <- s:
			case <-ctx.Done():
				return
			}
		}
	}
	if ctx.Err() == nil {
		o.fail(errors.New("a watch ended"))
	}
}

func (o *observer) fail(err error) {
	select {
	case o.failed <- err:
	default: // another one failed first
	}
}

// look takes up all that was seen until now.
func (o *observer) look() {
	for {
		select {
		case s := <-o.seen:
			o.note(s)
		default:
			return
		}
	}
}

func (o *observer) note(s sighting) {
	switch s.fact {
	case sliceNames:
		o.leader[s.pool] = s
	case statusNames:
		o.candidates[s.pool] = s.candidates
	default:
	}
}

// await takes up what is seen until done says so. It fails where nothing at all is seen for as long as patience.
func (o *observer) await(ctx context.Context, patience time.Duration, done func(sighting) bool) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case s := <-o.seen:
			o.note(s)
			if done(s) {
				return nil
			}
			timer.Reset(patience)
		case err := <-o.failed:
			return err
		case <-timer.C:
			return fmt.Errorf("nothing happened for %s", patience)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// awaitComplete waits until each pool has a leader and knows all its members.
func (o *observer) awaitComplete(ctx context.Context, s size, namespaces ...string) error {
	complete := func(p pool) bool {
		_, led := o.leader[p]
		return led && (p.namespace == theirs || o.candidates[p] == int64(s.pods))
	}
	missing := map[pool]bool{}
	o.look()
	for i := range s.pools {
		for _, ns := range namespaces {
			if p := (pool{ns, poolName(i)}); !complete(p) {
				missing[p] = true
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	err := o.await(ctx, patience, func(s sighting) bool {
		if complete(s.pool) {
			delete(missing, s.pool)
		}
		return len(missing) == 0
	})
	if err != nil {
		return fmt.Errorf("%d pools have no leader or do not know all members: %w", len(missing), err)
	}
	return nil
}
