package record

import (
	"cmp"
	"fmt"
	"strconv"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/history"
)

// Convert returns what the model wants to know of an object, but for what is of the write: its type and when it was heard of.
func Convert(o runtime.Object) (history.Event, error) {
	m, err := meta.Accessor(o)
	if err != nil {
		return history.Event{}, err
	}
	revision, err := strconv.ParseInt(m.GetResourceVersion(), 10, 64)
	if err != nil {
		return history.Event{}, fmt.Errorf("resourceVersion of %s/%s: %w", m.GetNamespace(), m.GetName(), err)
	}
	e := history.Event{Revision: revision, Namespace: m.GetNamespace(), Name: m.GetName(), UID: string(m.GetUID())}
	switch o := o.(type) {
	case *corev1.Pod:
		e.Kind, e.Pool, e.Pod = history.KindPod, o.Annotations[v1alpha1.PoolAnnotation], pod(o)
	case *coordinationv1.Lease:
		e.Kind, e.Pool, e.Lease = history.KindLease, o.Name, lease(o)
	case *discoveryv1.EndpointSlice:
		e.Kind, e.Pool, e.Slice = history.KindSlice, owner(o), slice(o)
	case *v1alpha1.LeaderPolicy:
		e.Kind, e.Pool, e.Policy = history.KindPolicy, o.Name, history.Policy{Term: o.Status.Term, Observes: o.Observes()}
		if h := o.Status.CurrentHolder; h != nil {
			e.Policy.Holder = history.Target{Name: h.Name, UID: string(h.UID)}
		}
	case *unstructured.Unstructured:
		e.Kind, e.Pool, e.Policy = history.KindPolicy, o.GetName(), policy(o)
	default:
		return history.Event{}, fmt.Errorf("unexpected object %T", o)
	}
	return e, nil
}

func pod(p *corev1.Pod) history.Pod {
	out := history.Pod{
		Role: history.Role{
			Label: p.Labels[v1alpha1.RoleLabel], Annotation: p.Annotations[v1alpha1.RoleAnnotation],
			Term: term(p.Annotations[v1alpha1.TermAnnotation]),
		},
		Terminating: p.DeletionTimestamp != nil,
		Ended:       p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed,
	}
	out.Identity = p.Annotations[v1alpha1.IdentityAnnotation] // tests set it only where the policy asks for it
	join, there := p.Annotations[v1alpha1.JoinAnnotation]
	out.Excluded = there && join != "true"
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			out.Ready = c.Status == corev1.ConditionTrue
		}
	}
	return out
}

func lease(l *coordinationv1.Lease) history.Lease {
	out := history.Lease{HolderUID: l.Annotations[v1alpha1.HolderUIDAnnotation], Base: term(l.Annotations[v1alpha1.TermBaseAnnotation])}
	if l.Spec.HolderIdentity != nil {
		out.Holder = *l.Spec.HolderIdentity
	}
	if l.Spec.LeaseTransitions != nil {
		out.Transitions = *l.Spec.LeaseTransitions
	}
	return out
}

func slice(s *discoveryv1.EndpointSlice) history.Slice {
	out := history.Slice{
		Service: s.Labels[discoveryv1.LabelServiceName], Family: string(s.AddressType), Term: term(s.Annotations[v1alpha1.TermAnnotation]),
	}
	for _, e := range s.Endpoints {
		t := history.Target{}
		if e.TargetRef != nil {
			t = history.Target{Name: e.TargetRef.Name, UID: string(e.TargetRef.UID)}
		}
		out.Endpoints = append(out.Endpoints, t)
	}
	return out
}

// owner returns the policy that a slice was made for. One of the marks is enough: people take the other off.
func owner(s *discoveryv1.EndpointSlice) string {
	for _, r := range s.OwnerReferences {
		if r.Kind == "LeaderPolicy" {
			return r.Name
		}
	}
	return s.Labels[v1alpha1.PoolLabel]
}

func policy(u *unstructured.Unstructured) history.Policy {
	var out history.Policy
	if mode, _, _ := unstructured.NestedString(u.Object, "spec", "mode"); mode == string(v1alpha1.ModeObserve) {
		lease, _, _ := unstructured.NestedString(u.Object, "spec", "leaseName")
		out.Observes = cmp.Or(lease, u.GetName())
	}
	out.Term, _, _ = unstructured.NestedInt64(u.Object, "status", "term")
	out.Holder.Name, _, _ = unstructured.NestedString(u.Object, "status", "currentHolder", "name")
	out.Holder.UID, _, _ = unstructured.NestedString(u.Object, "status", "currentHolder", "uid")
	return out
}

// term reads an annotation; what is no term is 0.
func term(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || n > history.MaxTerm {
		return 0
	}
	return n
}

// mark returns the value that marks a write made by hand.
func mark(o metav1.Object) string { return o.GetAnnotations()[history.InjectedAnnotation] }
