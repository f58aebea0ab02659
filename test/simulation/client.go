package simulation

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kube-zen/zen-lead/test/simulation/api"
)

// cached is the client of a process: it reads from the process's cache and writes to the API server. What the controller
// does not use panics.
type cached struct {
	client.Client

	process *process
}

// deciding is the key of a decision's dice in its context. Mappings of events have none: they take no time.
type deciding struct{}

// moment may let some time pass before a read.
func (c *cached) moment(ctx context.Context) error {
	p := c.process
	if d, ok := ctx.Value(deciding{}).(*dice); ok && d.in(p.world.weather().torn) {
		p.world.count(TornReads)
		time.Sleep(d.between(10*time.Microsecond, 50*time.Millisecond))
	}
	return p.awake()
}

func (c *cached) Get(ctx context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	if err := c.moment(ctx); err != nil {
		return err
	}
	k, err := api.KindOf(into)
	if err != nil {
		return err
	}
	s := c.process.streams[k]
	s.mu.Lock()
	o := s.objects[key]
	s.mu.Unlock()
	if o == nil {
		return apierrors.NewNotFound(schema.GroupResource{Resource: k.String()}, key.Name)
	}
	api.CopyInto(into, o)
	return nil
}

func (c *cached) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if err := c.moment(ctx); err != nil {
		return err
	}
	k, err := api.KindOf(list)
	if err != nil {
		return err
	}
	found, err := api.Select(c.process.streams[k].all(), c.process.indexes[k], options...)
	if err != nil {
		return err
	}
	var o client.ListOptions
	o.ApplyOptions(options)
	api.Fill(list, found, o.UnsafeDisableDeepCopy != nil && *o.UnsafeDisableDeepCopy)
	return nil
}

func (c *cached) Create(ctx context.Context, o client.Object, _ ...client.CreateOption) error {
	return c.process.send(ctx, "create", o, func(o client.Object) error {
		return c.process.world.zenlead.Create(ctx, o)
	})
}

func (c *cached) Update(ctx context.Context, o client.Object, _ ...client.UpdateOption) error {
	return c.process.send(ctx, "update", o, func(o client.Object) error {
		return c.process.world.zenlead.Update(ctx, o)
	})
}

func (c *cached) Patch(ctx context.Context, o client.Object, patch client.Patch, _ ...client.PatchOption) error {
	return c.process.send(ctx, "patch", o, func(o client.Object) error {
		return c.process.world.zenlead.Patch(ctx, o, patch)
	})
}

func (c *cached) Delete(ctx context.Context, o client.Object, options ...client.DeleteOption) error {
	return c.process.send(ctx, "delete", o, func(o client.Object) error {
		return c.process.world.zenlead.Delete(ctx, o, options...)
	})
}

func (c *cached) Status() client.SubResourceWriter { return status{process: c.process} }

type status struct {
	client.SubResourceWriter

	process *process
}

func (s status) Update(ctx context.Context, o client.Object, _ ...client.SubResourceUpdateOption) error {
	return s.process.send(ctx, "update status", o, func(o client.Object) error {
		return s.process.world.zenlead.Status().Update(ctx, o)
	})
}

// live reads from the API server.
type live struct {
	client.Reader

	process *process
}

func (l *live) Get(ctx context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	into.SetName(key.Name) // the request is told from others by it
	return l.process.send(ctx, "get", into, func(o client.Object) error {
		return l.process.world.zenlead.Get(ctx, key, o)
	})
}

// told are events, which nobody reads.
type told struct{}

func (told) Eventf(_, _ runtime.Object, _, _, _, _ string, _ ...any) {}
