package record_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/history"
)

// writer writes to a namespace of its own and remembers which revisions its writes got.
type writer struct {
	testing.TB
	namespace string
	client    kubernetes.Interface
	policies  dynamic.ResourceInterface
	revisions map[int64]string
	deleted   int
}

func newWriter(t *testing.T) *writer {
	t.Helper()
	client, err := kubernetes.NewForConfig(api)
	must(t, err)
	dyn, err := dynamic.NewForConfig(api)
	must(t, err)
	ns, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "record-"},
	}, metav1.CreateOptions{})
	must(t, err)
	// No controller manager makes the account that pods need.
	_, err = client.CoreV1().ServiceAccounts(ns.Name).Create(t.Context(), &corev1.ServiceAccount{
		ObjectMeta: metav1.ObjectMeta{Name: "default"},
	}, metav1.CreateOptions{})
	must(t, err)
	return &writer{
		TB: t, namespace: ns.Name, client: client, revisions: map[int64]string{},
		policies: dyn.Resource(v1alpha1.GroupVersion.WithResource("leaderpolicies")).Namespace(ns.Name),
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// round makes, changes and deletes one object of each kind.
func (w *writer) round(n int) {
	w.Helper()
	ctx, name := w.Context(), fmt.Sprintf("object-%d", n)
	w.pod(name)
	w.label(name, "one")
	w.lease(name)
	w.slice(name)
	w.policy(name)
	for _, remove := range []func(context.Context, string, metav1.DeleteOptions) error{
		w.client.CoreV1().Pods(w.namespace).Delete,
		w.client.CoordinationV1().Leases(w.namespace).Delete,
		w.client.DiscoveryV1().EndpointSlices(w.namespace).Delete,
	} {
		must(w, remove(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}))
		w.deleted++
	}
	must(w, w.policies.Delete(ctx, name, metav1.DeleteOptions{}))
	w.deleted++
}

func (w *writer) wrote(o metav1.Object, err error) {
	w.Helper()
	must(w, err)
	revision, err := strconv.ParseInt(o.GetResourceVersion(), 10, 64)
	must(w, err)
	w.revisions[revision] = o.GetName()
}

func (w *writer) pod(name string) {
	w.Helper()
	p, err := w.client.CoreV1().Pods(w.namespace).Create(w.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{v1alpha1.PoolAnnotation: "web"}},
		Spec:       corev1.PodSpec{SchedulerName: "none", Containers: []corev1.Container{{Name: "app", Image: "app.invalid/app"}}},
	}, metav1.CreateOptions{})
	w.wrote(p, err)
}

// label patches a pod and returns the revision.
func (w *writer) label(name, value string, annotations ...string) int64 {
	w.Helper()
	patch := fmt.Sprintf(`{"metadata":{"labels":{"zen-lead/role":%q}}}`, value)
	if len(annotations) == 2 {
		patch = fmt.Sprintf(`{"metadata":{"labels":{"zen-lead/role":%q},"annotations":{%q:%q}}}`, value, annotations[0], annotations[1])
	}
	p, err := w.client.CoreV1().Pods(w.namespace).Patch(w.Context(), name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
	w.wrote(p, err)
	revision, err := strconv.ParseInt(p.ResourceVersion, 10, 64)
	must(w, err)
	return revision
}

func (w *writer) lease(name string) {
	w.Helper()
	l, err := w.client.CoordinationV1().Leases(w.namespace).Create(w.Context(), &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: name},
	}, metav1.CreateOptions{})
	w.wrote(l, err)
	l.Spec.LeaseTransitions = new(int32(1))
	l, err = w.client.CoordinationV1().Leases(w.namespace).Update(w.Context(), l, metav1.UpdateOptions{})
	w.wrote(l, err)
}

func (w *writer) slice(name string) {
	w.Helper()
	s, err := w.client.DiscoveryV1().EndpointSlices(w.namespace).Create(w.Context(), &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: name},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints: []discoveryv1.Endpoint{{
			Addresses: []string{"10.1.1.1"}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: name, UID: "u"},
		}},
	}, metav1.CreateOptions{})
	w.wrote(s, err)
}

func (w *writer) policy(name string) {
	w.Helper()
	p := &unstructured.Unstructured{Object: map[string]any{}}
	p.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("LeaderPolicy"))
	p.SetName(name)
	p, err := w.policies.Create(w.Context(), p, metav1.CreateOptions{})
	w.wrote(p, err)
}

// whole fails the test unless events are exactly what the writer wrote since from, in order.
func (w *writer) whole(events []history.Event) {
	w.Helper()
	if err := history.Check(events).Err(); err != nil {
		w.Errorf("the model found: %v", err)
	}
	deleted, seen := 0, map[int64]bool{}
	for i, e := range events {
		switch {
		case i > 0 && e.Type != history.Existing && e.Revision <= events[i-1].Revision:
			w.Errorf("event %d of revision %d comes after revision %d", i, e.Revision, events[i-1].Revision)
		case e.Type == history.Deleted:
			deleted++
		case e.Pod.Terminating: // the API server's own first half of a deletion
		case w.revisions[e.Revision] != e.Name:
			w.Errorf("event %d is of %s at revision %d, which wrote %q", i, e.Name, e.Revision, w.revisions[e.Revision])
		}
		seen[e.Revision] = true
	}
	for revision, name := range w.revisions {
		if !seen[revision] {
			w.Errorf("revision %d of %s is missing", revision, name)
		}
	}
	if deleted != w.deleted {
		w.Errorf("%d deletions, want %d", deleted, w.deleted)
	}
}
