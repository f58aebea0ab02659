package pool

import (
	"context"
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/controller/internal/patience"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// Indexes of the cache.
const (
	// indexPool finds members, Services and slices by the pool that they belong to.
	indexPool = "pool"
	// indexService finds policies by the name of their leader Service.
	indexService = "service"
	// indexLease finds policies by the name of the Lease on which their program elects itself.
	indexLease = "lease"
	// indexNode finds members by the name of their node.
	indexNode = "node"
)

// Scope says what a process looks at.
type Scope struct {
	// AllPods are watched where nobody else labels the members.
	AllPods bool
	// Namespaces are the only ones that are looked at; none: all are. Own is where the Leases of the replicas are.
	Namespaces []string
	Own        string
}

// namespaces returns those of a kind of object, nil for all.
func (s Scope) namespaces(more ...string) map[string]cache.Config {
	if len(s.Namespaces) == 0 {
		return nil
	}
	in := map[string]cache.Config{}
	for _, n := range append(more, s.Namespaces...) {
		in[n] = cache.Config{}
	}
	return in
}

// CacheOptions says what the cache holds: policies, Leases without node heartbeats, Services, the slices of pools, nodes, and
// pods. Where the server labels the members, only they are watched; else all pods are.
func CacheOptions(s Scope) (cache.Options, error) {
	labelled, err := labels.NewRequirement(v1alpha1.PoolLabel, selection.Exists, nil)
	if err != nil {
		return cache.Options{}, fmt.Errorf("selector of members: %w", err)
	}
	inPool := labels.NewSelector().Add(*labelled)
	pods := cache.ByObject{Transform: StripPod, Label: inPool}
	if s.AllPods {
		pods.Label = labels.Everything()
	}
	return cache.Options{
		ReaderFailOnMissingInformer: true,
		NewInformer:                 patience.NewInformer,
		DefaultNamespaces:           s.namespaces(),
		DefaultTransform:            cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&v1alpha1.LeaderPolicy{}:     {},
			&coordinationv1.Lease{}:      {Field: fields.OneTermNotEqualSelector("metadata.namespace", corev1.NamespaceNodeLease), Namespaces: s.namespaces(s.Own)},
			&corev1.Service{}:            {},
			&discoveryv1.EndpointSlice{}: {Label: inPool},
			&corev1.Node{}:               {Transform: StripNode},
			&corev1.Pod{}:                pods,
		},
	}, nil
}

// Index finds objects of one kind by a key.
type Index struct {
	Object client.Object
	Name   string
	Key    client.IndexerFunc
}

// Indexes lists the indexes of the cache.
func Indexes() []Index {
	byLabel := func(o client.Object) []string { return nonEmpty(o.GetLabels()[v1alpha1.PoolLabel]) }
	byAnnotation := func(o client.Object) []string { return nonEmpty(poolOf(o)) }
	byNode := func(o client.Object) []string {
		p, ok := o.(*corev1.Pod)
		if !ok || poolOf(p) == "" {
			return nil
		}
		return nonEmpty(p.Spec.NodeName)
	}
	byService := func(o client.Object) []string {
		p, ok := o.(*v1alpha1.LeaderPolicy)
		if !ok {
			return nil
		}
		return nonEmpty(p.ServiceName())
	}
	byLease := func(o client.Object) []string {
		p, ok := o.(*v1alpha1.LeaderPolicy)
		if !ok {
			return nil
		}
		return nonEmpty(p.Observes())
	}
	return []Index{
		{&corev1.Pod{}, indexPool, byAnnotation},
		{&corev1.Pod{}, indexNode, byNode},
		{&corev1.Service{}, indexPool, byLabel},
		{&discoveryv1.EndpointSlice{}, indexPool, byLabel},
		{&v1alpha1.LeaderPolicy{}, indexService, byService},
		{&v1alpha1.LeaderPolicy{}, indexLease, byLease},
	}
}

// addIndexes registers the indexes before the cache starts.
func addIndexes(ctx context.Context, c client.FieldIndexer) error {
	for _, i := range Indexes() {
		if err := c.IndexField(ctx, i.Object, i.Name, i.Key); err != nil {
			return fmt.Errorf("index %T by %s: %w", i.Object, i.Name, err)
		}
	}
	return nil
}

// poolOf returns the name of the pool that a pod wants to be in. The annotation is the truth, not the label.
func poolOf(pod client.Object) string { return pod.GetAnnotations()[v1alpha1.PoolAnnotation] }

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}
