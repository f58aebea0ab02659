package api_test

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/test/simulation/api"
)

// server is one of the two that are compared, in a namespace that is empty. It keeps what was heard of it.
type server struct {
	*testing.T

	namespace string
	clients   map[api.User]client.Client
	// watchPods begins a watch; the returned function waits for n events.
	watchPods func(labels.Selector) (heard func(n int) []string)
	said      []string
}

func (s *server) as(u api.User) client.Client { return s.clients[u] }

func (s *server) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: s.namespace, Name: name}
}

// say notes something that both servers must say.
func (s *server) say(format string, a ...any) { s.said = append(s.said, fmt.Sprintf(format, a...)) }

// did notes the outcome of a request, and says whether it succeeded.
func (s *server) did(what string, err error) bool {
	switch reason := apierrors.ReasonForError(err); {
	case err == nil:
		s.say("%s: ok", what)
	case reason == metav1.StatusReasonUnknown:
		s.say("%s: %v", what, err)
	default:
		s.say("%s: %s", what, reason)
	}
	return err == nil
}

// must ends the case.
func (s *server) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// made creates an object that is only there to be acted upon.
func made[T client.Object](s *server, o T) T {
	s.Helper()
	s.must(s.as(api.Administrator).Create(s.Context(), o))
	return o
}

// now returns an object as it is.
func now[T client.Object](s *server, o T) T {
	s.Helper()
	fresh := o.DeepCopyObject().(T)
	s.must(s.as(api.Administrator).Get(s.Context(), client.ObjectKeyFromObject(o), fresh))
	return fresh
}

// later says whether b is a later version of the same object than a.
func later(a, b client.Object) bool {
	x, err := strconv.ParseInt(a.GetResourceVersion(), 10, 64)
	y, err2 := strconv.ParseInt(b.GetResourceVersion(), 10, 64)
	return err == nil && err2 == nil && a.GetUID() == b.GetUID() && y > x
}

func realServer(t *testing.T) *server {
	t.Helper()
	s := &server{T: t, clients: map[api.User]client.Client{}}
	for _, u := range []api.User{api.Administrator, api.Controller, api.Somebody} {
		c, err := clientOf(u)
		s.must(err)
		s.clients[u] = c
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "compared-"}}
	s.must(s.as(api.Administrator).Create(t.Context(), ns))
	s.namespace = ns.Name
	s.must(client.IgnoreAlreadyExists(s.as(api.Administrator).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: s.meta("default")})))
	s.watchPods = func(selector labels.Selector) func(int) []string {
		w, err := s.as(api.Administrator).(client.WithWatch).Watch(t.Context(), &corev1.PodList{}, client.InNamespace(s.namespace), client.MatchingLabelsSelector{Selector: selector})
		s.must(err)
		t.Cleanup(w.Stop)
		return func(n int) (heard []string) {
			for len(heard) < n {
				e := <-w.ResultChan()
				heard = append(heard, told(e.Type, e.Object.(*corev1.Pod)))
			}
			return heard
		}
	}
	return s
}

func simulatedServer(t *testing.T) *server {
	t.Helper()
	simulated := api.NewServer(1000)
	s := &server{T: t, namespace: "ns", clients: map[api.User]client.Client{}}
	for _, u := range []api.User{api.Administrator, api.Controller, api.Somebody} {
		s.clients[u] = simulated.Client(u)
	}
	types := map[api.Type]watch.EventType{api.Added: watch.Added, api.Modified: watch.Modified, api.Deleted: watch.Deleted}
	s.watchPods = func(selector labels.Selector) func(int) []string {
		var mu sync.Mutex
		var heard []string
		simulated.Written = func(e api.Event) {
			mu.Lock()
			defer mu.Unlock()
			if e, ok := e.Selected(selector); ok && e.Kind == api.Pod {
				heard = append(heard, told(types[e.Type], e.Object.(*corev1.Pod)))
			}
		}
		return func(int) []string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(heard)
		}
	}
	return s
}

// told is what is compared of an event.
func told(t watch.EventType, p *corev1.Pod) string {
	return fmt.Sprintf("%s %s, pool %q in %q", t, p.Name, p.Labels["zen-lead/pool"], p.Annotations["zen-lead/pool"])
}
