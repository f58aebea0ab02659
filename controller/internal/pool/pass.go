package pool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/kube"
)

// errStale ends a pass whose plan was made from something that has changed since, or one of whose writes has an unknown
// outcome. The next pass decides anew; a plan is never carried out twice.
var errStale = errors.New("the pool changed meanwhile")

// errTerminating ends a pass in a namespace that is going: nothing can be made there again.
var errTerminating = errors.New("the namespace is being deleted")

// writeTimeout bounds one request. Past it the outcome of a write is unknown.
const writeTimeout = 5 * time.Second

// pass is one decision about one pool being carried out.
type pass struct {
	r   *Reconciler
	o   Observed
	now time.Time
	// lease is the version of the Lease from which what is derived follows.
	lease string

	mu sync.Mutex // guards m: slices and roles are written side by side
	m  *memory
}

// create POSTs an object and remembers it.
func (p *pass) create(ctx context.Context, key string, o client.Object) error {
	err := p.bounded(ctx, func(ctx context.Context) error { return p.r.Client.Create(ctx, o) })
	return p.settled(ctx, key, o, err)
}

// put replaces the version that was judged, and no other: o bears its UID and resourceVersion.
func (p *pass) put(ctx context.Context, key string, o client.Object) error {
	if o.GetUID() == "" || o.GetResourceVersion() == "" {
		// Without the UID a PUT would make a deleted object again, with an old term.
		return fmt.Errorf("put %T %s: no uid or resourceVersion", o, o.GetName())
	}
	err := p.bounded(ctx, func(ctx context.Context) error { return p.r.Client.Update(ctx, o) })
	return p.settled(ctx, key, o, err)
}

// bounded lets a request take writeTimeout, also when the process is told to stop: a move that has begun is finished.
func (p *pass) bounded(ctx context.Context, request func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	return request(ctx)
}

// settled remembers what was written. After an error it reads the object past the cache, so that the next pass judges
// what is there. That read decides nothing about a write whose outcome is unknown: the next pass writes on the version
// that it found, and if the lost write lands after all, one of the two fails.
func (p *pass) settled(ctx context.Context, key string, o client.Object, err error) error {
	switch {
	case err == nil:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.m.remember(key, o, p.now)
		return nil
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return fmt.Errorf("%w: %w", errTerminating, err)
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err):
		return fmt.Errorf("write %T %s: %w", o, o.GetName(), err)
	}
	fresh := o.DeepCopyObject().(client.Object)
	readErr := p.bounded(ctx, func(ctx context.Context) error {
		return p.r.Live.Get(ctx, client.ObjectKeyFromObject(o), fresh)
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case apierrors.IsNotFound(readErr):
		p.m.forget(key)
	case readErr == nil:
		p.m.remember(key, fresh, p.now)
	}
	return fmt.Errorf("%w: write %T %s: %w", errStale, o, o.GetName(), err)
}

func (p *pass) rememberRole(uid types.UID, version string, role Role) {
	v, err := kube.Version(version)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.m.roles[uid] = recentRole{version: v, role: role, at: p.now}
}
