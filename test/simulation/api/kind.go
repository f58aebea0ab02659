package api

import (
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// Kind of an object.
type Kind int

// All kinds that there are.
const (
	Pod Kind = iota
	Lease
	Service
	Slice
	Policy
	Node
)

// Kinds is how many there are.
const Kinds = int(Node) + 1

// traits are how the API server treats a kind.
type traits struct {
	kind     schema.GroupKind
	resource schema.GroupResource
	// creates: a PUT of what is not there creates it.
	creates bool
	// blind: a PUT without resourceVersion overwrites whatever is there.
	blind bool
}

var traitsOf = [Kinds]traits{
	Pod:     {kind: schema.GroupKind{Kind: "Pod"}, resource: schema.GroupResource{Resource: "pods"}, blind: true},
	Lease:   {kind: schema.GroupKind{Group: coordinationv1.GroupName, Kind: "Lease"}, resource: schema.GroupResource{Group: coordinationv1.GroupName, Resource: "leases"}, creates: true},
	Service: {kind: schema.GroupKind{Kind: "Service"}, resource: schema.GroupResource{Resource: "services"}, creates: true, blind: true},
	Slice:   {kind: schema.GroupKind{Group: discoveryv1.GroupName, Kind: "EndpointSlice"}, resource: schema.GroupResource{Group: discoveryv1.GroupName, Resource: "endpointslices"}, blind: true},
	Policy:  {kind: v1alpha1.GroupVersion.WithKind("LeaderPolicy").GroupKind(), resource: schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "leaderpolicies"}},
	Node:    {kind: schema.GroupKind{Kind: "Node"}, resource: schema.GroupResource{Resource: "nodes"}, blind: true},
}

func (k Kind) String() string { return traitsOf[k].kind.Kind }

// KindOf returns the kind of an object or of a list; metadata alone is a pod's.
func KindOf(o runtime.Object) (Kind, error) {
	switch o := o.(type) {
	case *corev1.Pod, *corev1.PodList:
		return Pod, nil
	case *coordinationv1.Lease, *coordinationv1.LeaseList:
		return Lease, nil
	case *corev1.Service, *corev1.ServiceList:
		return Service, nil
	case *discoveryv1.EndpointSlice, *discoveryv1.EndpointSliceList:
		return Slice, nil
	case *v1alpha1.LeaderPolicy, *v1alpha1.LeaderPolicyList:
		return Policy, nil
	case *corev1.Node, *corev1.NodeList:
		return Node, nil
	case *metav1.PartialObjectMetadata:
		if o.GroupVersionKind() == corev1.SchemeGroupVersion.WithKind("Pod") {
			return Pod, nil
		}
	}
	return 0, fmt.Errorf("the simulated API has no %T", o)
}

// CopyInto overwrites into with a copy of o, which is of the same kind; into may also be metadata alone.
func CopyInto(into, o client.Object) {
	switch o := o.(type) {
	case *corev1.Pod:
		if p, ok := into.(*metav1.PartialObjectMetadata); ok {
			o.ObjectMeta.DeepCopyInto(&p.ObjectMeta)
			return
		}
		o.DeepCopyInto(into.(*corev1.Pod))
	case *coordinationv1.Lease:
		o.DeepCopyInto(into.(*coordinationv1.Lease))
	case *corev1.Service:
		o.DeepCopyInto(into.(*corev1.Service))
	case *discoveryv1.EndpointSlice:
		o.DeepCopyInto(into.(*discoveryv1.EndpointSlice))
	case *v1alpha1.LeaderPolicy:
		o.DeepCopyInto(into.(*v1alpha1.LeaderPolicy))
	case *corev1.Node:
		o.DeepCopyInto(into.(*corev1.Node))
	}
}

// Fill puts copies of objects into a list; shallow ones where the caller only reads them.
func Fill(list client.ObjectList, objects []client.Object, shallow bool) {
	switch l := list.(type) {
	case *corev1.PodList:
		l.Items = fill(objects, shallow, func(in, out *corev1.Pod) { in.DeepCopyInto(out) })
	case *coordinationv1.LeaseList:
		l.Items = fill(objects, shallow, func(in, out *coordinationv1.Lease) { in.DeepCopyInto(out) })
	case *corev1.ServiceList:
		l.Items = fill(objects, shallow, func(in, out *corev1.Service) { in.DeepCopyInto(out) })
	case *discoveryv1.EndpointSliceList:
		l.Items = fill(objects, shallow, func(in, out *discoveryv1.EndpointSlice) { in.DeepCopyInto(out) })
	case *v1alpha1.LeaderPolicyList:
		l.Items = fill(objects, shallow, func(in, out *v1alpha1.LeaderPolicy) { in.DeepCopyInto(out) })
	case *corev1.NodeList:
		l.Items = fill(objects, shallow, func(in, out *corev1.Node) { in.DeepCopyInto(out) })
	}
}

func fill[T any](objects []client.Object, shallow bool, deep func(in, out *T)) []T {
	items := make([]T, len(objects))
	for i, o := range objects {
		in := any(o).(*T)
		if shallow {
			items[i] = *in
		} else {
			deep(in, &items[i])
		}
	}
	return items
}

// Copy returns a copy of an object for somebody who may change it.
func Copy(o client.Object) client.Object { return o.DeepCopyObject().(client.Object) }
