package pool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// wire stands where the API server is. It keeps what is sent and judges nothing: what the real one makes of it is tested
// there.
type wire struct {
	// live is what a read finds, by resource and name: "leases/web".
	live map[string]client.Object
	// refuse returns the status by which a write fails, 0 where it does not.
	refuse func(sent) int

	mu     sync.Mutex
	writes []sent
	// lease is the Lease as it was written last; nil: it was not.
	lease any
}

// sent is a request that writes.
type sent struct{ method, resource, name, body string }

func (s sent) String() string { return s.method + " " + s.resource + "/" + s.name }

// RoundTrip takes the place of the network.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	parts := strings.Split(strings.TrimSuffix(r.URL.Path, "/status"), "/namespaces/ns/")
	resource, name := path.Split(parts[len(parts)-1])
	if resource == "" { // a POST
		resource, name = name, ""
	}
	s := sent{method: r.Method, resource: strings.TrimSuffix(resource, "/"), name: name}
	if s.method == http.MethodGet {
		w.mu.Lock()
		defer w.mu.Unlock()
		if s.resource == "leases" && w.lease != nil {
			return answer(http.StatusOK, w.lease)
		}
		if o := w.live[s.resource+"/"+s.name]; o != nil {
			return answer(http.StatusOK, o)
		}
		return failure(http.StatusNotFound)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.body = string(body)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes = append(w.writes, s)
	if w.refuse != nil {
		if status := w.refuse(s); status != 0 {
			return failure(status)
		}
	}
	o, err := written(s, fmt.Sprint(600+len(w.writes)))
	if err != nil {
		return nil, err
	}
	if s.resource == "leases" {
		w.lease = o
	}
	return answer(http.StatusOK, o)
}

// written is what was sent, in a new version.
func written(s sent, version string) (any, error) {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata"}}
	switch s.method {
	case http.MethodDelete:
		return &metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess}, nil
	case http.MethodPut, http.MethodPost:
		if err := json.Unmarshal([]byte(s.body), &o.Object); err != nil {
			return nil, err
		}
	}
	o.SetResourceVersion(version)
	if o.GetUID() == "" {
		o.SetUID("made")
	}
	return o, nil
}

func answer(status int, o any) (*http.Response, error) {
	body, err := json.Marshal(o)
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(string(body))),
	}, err
}

func failure(status int) (*http.Response, error) {
	reason := map[int]metav1.StatusReason{http.StatusNotFound: metav1.StatusReasonNotFound, http.StatusConflict: metav1.StatusReasonConflict}[status]
	return answer(status, &metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Reason: reason, Code: int32(status),
	})
}

// sentTo returns the writes of one resource.
func (w *wire) sentTo(resource string) (found []sent) {
	for _, s := range w.writes {
		if s.resource == resource {
			found = append(found, s)
		}
	}
	return found
}

// cached is a cache that never catches up.
type cached map[string]client.Object

func (c cached) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	o := c[resourceOf(into)+"/"+key.Name]
	if o == nil {
		return apierrors.NewNotFound(schema.GroupResource{Resource: resourceOf(into)}, key.Name)
	}
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

func (c cached) List(_ context.Context, into client.ObjectList, _ ...client.ListOption) error {
	for _, o := range c {
		if pod, ok := o.(*corev1.Pod); ok {
			if pods, ok := into.(*corev1.PodList); ok {
				pods.Items = append(pods.Items, *pod)
			}
		}
	}
	return nil
}

func resourceOf(o client.Object) string {
	resource, _ := meta.UnsafeGuessKindToResource(kinds[fmt.Sprintf("%T", o)])
	return resource.Resource
}

// kinds are those of a pool, by their Go types.
var kinds = map[string]schema.GroupVersionKind{
	fmt.Sprintf("%T", &v1alpha1.LeaderPolicy{}):     v1alpha1.GroupVersion.WithKind("LeaderPolicy"),
	fmt.Sprintf("%T", &coordinationv1.Lease{}):      coordinationv1.SchemeGroupVersion.WithKind("Lease"),
	fmt.Sprintf("%T", &corev1.Pod{}):                corev1.SchemeGroupVersion.WithKind("Pod"),
	fmt.Sprintf("%T", &corev1.Node{}):               corev1.SchemeGroupVersion.WithKind("Node"),
	fmt.Sprintf("%T", &corev1.Service{}):            corev1.SchemeGroupVersion.WithKind("Service"),
	fmt.Sprintf("%T", &discoveryv1.EndpointSlice{}): discoveryv1.SchemeGroupVersion.WithKind("EndpointSlice"),
}

// reconciler returns one that reads from the cache and writes to the wire.
func reconciler(t *testing.T, w *wire, c cached) *Reconciler {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	mapper := meta.NewDefaultRESTMapper(nil)
	for _, k := range kinds {
		scope := meta.RESTScopeNamespace
		if k.Kind == "Node" {
			scope = meta.RESTScopeRoot
		}
		mapper.Add(k, scope)
	}
	config := &rest.Config{Host: "http://wire", QPS: -1, ContentConfig: rest.ContentConfig{ContentType: runtime.ContentTypeJSON}}
	o := client.Options{Scheme: scheme, Mapper: mapper, HTTPClient: &http.Client{Transport: w}}
	live, err := client.New(config, o)
	if err != nil {
		t.Fatal(err)
	}
	o.Cache = &client.CacheOptions{Reader: c}
	writer, err := client.New(config, o)
	if err != nil {
		t.Fatal(err)
	}
	return &Reconciler{Client: writer, Live: live, Recorder: events.NewFakeRecorder(100), Now: func() time.Time { return epoch }}
}

// decideOnce lets a reconciler decide about pool "web" once.
func decideOnce(t *testing.T, r *Reconciler) {
	t.Helper()
	request := ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "ns", Name: "web"}}
	if _, err := r.Reconcile(t.Context(), request); err != nil {
		t.Logf("Reconcile() = %v", err)
	}
}
