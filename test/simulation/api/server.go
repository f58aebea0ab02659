package api

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// User is who makes a request.
type User string

// Users that admission tells apart.
const (
	// Controller is zen-lead's own account.
	Controller User = "zen-lead"
	// Administrator is of group system:masters.
	Administrator User = "administrator"
	// Somebody has every right that RBAC can give.
	Somebody User = "somebody"
)

// Type of an Event.
type Type int

// Types of events.
const (
	Added Type = iota
	Modified
	Deleted
)

// Event is one write. Objects are never changed once they are in an event.
type Event struct {
	Type Type
	Kind Kind
	// Version that the write took.
	Version int64
	// Object is as the write left it; with Deleted, as it was, with the version of the deletion.
	Object client.Object
	// Old is what was there before; nil with Added.
	Old client.Object
	By  User
	At  time.Time
}

// Server is the API server. Its methods are safe for concurrent use.
type Server struct {
	// Gap draws how many versions somebody else's writes take before each write; nil: none.
	Gap func() int64
	// Written is told every write, in order and while the server is locked; nil: nobody is.
	Written func(Event)
	// Unguarded leaves out the admission policy that guards Leases. Nothing should need it.
	Unguarded bool

	mu      sync.Mutex
	version int64
	uids    int
	objects [Kinds]map[client.ObjectKey]client.Object
}

// NewServer returns a server without objects, whose versions begin after the given one.
func NewServer(version int64) *Server {
	s := &Server{version: version}
	for k := range s.objects {
		s.objects[k] = map[client.ObjectKey]client.Object{}
	}
	return s
}

// Version returns the version of the last write.
func (s *Server) Version() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

// Read returns an object, which must not be changed, nil if it is not there.
func (s *Server) Read(k Kind, key client.ObjectKey) client.Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[k][key]
}

// All returns all objects of a kind, by name, which must not be changed, and the version at which they are that.
func (s *Server) All(k Kind) ([]client.Object, int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]client.Object, 0, len(s.objects[k]))
	for _, o := range s.objects[k] {
		list = append(list, o)
	}
	Sort(list)
	return list, s.version
}

// List hands all objects of a kind, in no order, to f, which must not change them. Nothing is written meanwhile.
func (s *Server) List(k Kind, f func([]client.Object)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]client.Object, 0, len(s.objects[k]))
	for _, o := range s.objects[k] {
		list = append(list, o)
	}
	f(list)
}

// Sort orders objects by namespace and name.
func Sort(list []client.Object) {
	slices.SortFunc(list, func(a, b client.Object) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
}

// commit gives o, which is the server's own, the next version and puts it in its place.
func (s *Server) commit(u User, t Type, k Kind, o, old client.Object) {
	s.version++
	if s.Gap != nil {
		s.version += s.Gap()
	}
	o.SetResourceVersion(strconv.FormatInt(s.version, 10))
	if len(o.GetLabels()) == 0 { // what is empty is not stored
		o.SetLabels(nil)
	}
	if len(o.GetAnnotations()) == 0 {
		o.SetAnnotations(nil)
	}
	if key := client.ObjectKeyFromObject(o); t == Deleted {
		delete(s.objects[k], key)
	} else {
		s.objects[k][key] = o
	}
	if s.Written != nil {
		s.Written(Event{Type: t, Kind: k, Version: s.version, Object: o, Old: old, By: u, At: time.Now()})
	}
}

// newborn gives an object what the server gives at its creation.
func (s *Server) newborn(o client.Object) {
	s.uids++
	o.SetUID(types.UID("uid-" + strconv.Itoa(s.uids)))
	o.SetCreationTimestamp(metav1.NewTime(time.Now().Truncate(time.Second)))
	o.SetDeletionTimestamp(nil)
	o.SetDeletionGracePeriodSeconds(nil)
	o.SetManagedFields(nil)
}

func notFound(k Kind, name string) error { return apierrors.NewNotFound(traitsOf[k].resource, name) }

func conflict(k Kind, name, format string, a ...any) error {
	return apierrors.NewConflict(traitsOf[k].resource, name, fmt.Errorf(format, a...))
}

// unprocessable is how a failed patch or an admission policy answers; its reason is Invalid.
func unprocessable(k Kind, name, format string, a ...any) error {
	return apierrors.NewGenericServerResponse(422, "", traitsOf[k].resource, name, fmt.Sprintf(format, a...), 0, true)
}
