package api

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Client returns a client whose requests take no time and are always answered.
func (s *Server) Client(u User) client.Client { return &access{server: s, user: u} }

// access embeds no implementation: what the simulation does not have panics.
type access struct {
	client.Client

	server *Server
	user   User
}

func (a *access) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	k, err := KindOf(into)
	if err != nil {
		return err
	}
	o := a.server.Read(k, key)
	if o == nil {
		return notFound(k, key.Name)
	}
	CopyInto(into, o)
	return nil
}

func (a *access) List(_ context.Context, list client.ObjectList, options ...client.ListOption) error {
	k, err := KindOf(list)
	if err != nil {
		return err
	}
	all, version := a.server.All(k)
	selected, err := Select(all, nil, options...)
	if err != nil {
		return err
	}
	Fill(list, selected, false)
	list.SetResourceVersion(fmt.Sprint(version))
	return nil
}

// Key finds an object by an index.
type Key func(client.Object) []string

// Select returns the objects that the options ask for. Fields are the names of indexes.
func Select(all []client.Object, indexes map[string]Key, options ...client.ListOption) ([]client.Object, error) {
	var o client.ListOptions
	o.ApplyOptions(options)
	var found []client.Object
	for _, x := range all {
		switch ok, err := indexed(x, indexes, o.FieldSelector); {
		case err != nil:
			return nil, err
		case ok && (o.Namespace == "" || o.Namespace == x.GetNamespace()) &&
			(o.LabelSelector == nil || o.LabelSelector.Matches(labels.Set(x.GetLabels()))):
			found = append(found, x)
		}
	}
	return found, nil
}

func indexed(o client.Object, indexes map[string]Key, selector fields.Selector) (bool, error) {
	if selector == nil {
		return true, nil
	}
	for _, r := range selector.Requirements() {
		key := indexes[r.Field]
		if key == nil {
			return false, fmt.Errorf("no index %s of %T", r.Field, o)
		}
		found := false
		for _, v := range key(o) {
			found = found || v == r.Value
		}
		if !found {
			return false, nil
		}
	}
	return true, nil
}

func (a *access) Create(_ context.Context, o client.Object, _ ...client.CreateOption) error {
	return a.server.create(a.user, o)
}

func (a *access) Update(_ context.Context, o client.Object, _ ...client.UpdateOption) error {
	return a.server.update(a.user, o, false)
}

func (a *access) Patch(_ context.Context, o client.Object, p client.Patch, _ ...client.PatchOption) error {
	return a.server.patch(a.user, o, p)
}

func (a *access) Delete(_ context.Context, o client.Object, options ...client.DeleteOption) error {
	var d client.DeleteOptions
	d.ApplyOptions(options)
	return a.server.remove(a.user, o, &d)
}

func (a *access) Status() client.SubResourceWriter { return statusAccess{access: a} }

type statusAccess struct {
	client.SubResourceWriter

	access *access
}

func (w statusAccess) Update(_ context.Context, o client.Object, _ ...client.SubResourceUpdateOption) error {
	return w.access.server.update(w.access.user, o, true)
}
