package record

import (
	"context"
	"fmt"
	"strconv"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// source is one kind of object in one namespace, or in all.
type source struct {
	name  string
	list  func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch func(context.Context, metav1.ListOptions) (watch.Interface, error)
}

// sources returns what to record in the namespaces; none: in all.
func sources(config *rest.Config, namespaces []string) ([]source, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1 // the recorder must not be the slowest part of what it measures
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	config.ContentType = runtime.ContentTypeProtobuf
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	var all []source
	for _, ns := range namespaces {
		pods, slices := typed.CoreV1().Pods(ns), typed.DiscoveryV1().EndpointSlices(ns)
		leases := typed.CoordinationV1().Leases(ns)
		policies := dyn.Resource(v1alpha1.GroupVersion.WithResource("leaderpolicies")).Namespace(ns)
		all = append(all,
			sourceOf("pods", ns, pods.List, pods.Watch),
			// Heartbeats of nodes are most of all writes to Leases, and none of them is ours.
			sourceOf("leases", ns, leases.List, leases.Watch).selecting("metadata.namespace!=kube-node-lease"),
			sourceOf("endpointslices", ns, slices.List, slices.Watch),
			sourceOf("leaderpolicies", ns, policies.List, policies.Watch),
		)
	}
	return all, nil
}

func sourceOf[L runtime.Object](
	resource, namespace string,
	list func(context.Context, metav1.ListOptions) (L, error),
	watch func(context.Context, metav1.ListOptions) (watch.Interface, error),
) source {
	s := source{name: resource, watch: watch}
	if namespace != metav1.NamespaceAll {
		s.name += " of namespace " + namespace
	}
	s.list = func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		l, err := list(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", s.name, err)
		}
		return l, nil
	}
	return s
}

// selecting narrows a source by fields that never change: others would turn a change into a deletion.
func (s source) selecting(fields string) source {
	all := s
	s.list = func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		o.FieldSelector = fields
		return all.list(ctx, o)
	}
	s.watch = func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
		o.FieldSelector = fields
		return all.watch(ctx, o)
	}
	return s
}

// objects lists a source at one revision, 0: now, and returns the revision of the list.
func (s source) objects(ctx context.Context, revision int64) ([]runtime.Object, int64, error) {
	o := metav1.ListOptions{}
	if revision != 0 {
		o.ResourceVersion, o.ResourceVersionMatch = strconv.FormatInt(revision, 10), metav1.ResourceVersionMatchExact
	}
	l, err := s.list(ctx, o)
	if err != nil {
		return nil, 0, err
	}
	m, err := meta.ListAccessor(l)
	if err != nil {
		return nil, 0, err
	}
	at, err := strconv.ParseInt(m.GetResourceVersion(), 10, 64)
	if err != nil {
		return nil, 0, fmt.Errorf("resourceVersion of the list of %s: %w", s.name, err)
	}
	objects, err := meta.ExtractList(l)
	return objects, at, err
}
