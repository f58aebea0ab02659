package pools

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/bench/peer"
)

// fact is what a watch event says.
type fact int

const (
	// podGone: the pod was deleted. podLeaving: it is there and has a deletion timestamp.
	podGone fact = iota
	podLeaving
	podUnready
	podReady
	// roleLeader and roleFollower: what the pod's label says.
	roleLeader
	roleFollower
	// leaseNames, sliceNames and statusNames: whom the record, the leader Service's slice or the policy's status names as
	// leader.
	leaseNames
	sliceNames
	statusNames
)

// pool names a pool of either program: they live in different namespaces.
type pool struct{ namespace, name string }

// sighting is one fact about a pool, seen at a moment.
type sighting struct {
	at   time.Time
	fact fact
	pool pool
	// pod is the name of the pod that the fact is about; names are never used twice here.
	pod string
	// uid is that of the pod, where the event tells it.
	uid types.UID
	// candidates is what a status says.
	candidates int64
}

// factsOf reads an event. What says nothing about a pool gives nothing.
func factsOf(t watch.EventType, o runtime.Object) []sighting {
	switch o := o.(type) {
	case *corev1.Pod:
		return factsOfPod(t, o)
	case *coordinationv1.Lease:
		if o.Spec.HolderIdentity == nil {
			return nil
		}
		return []sighting{{fact: leaseNames, pool: pool{o.Namespace, o.Name}, pod: *o.Spec.HolderIdentity}}
	case *discoveryv1.EndpointSlice:
		return factsOfSlice(o)
	case *unstructured.Unstructured:
		return factsOfPolicy(o)
	default:
		return nil
	}
}

func factsOfPod(t watch.EventType, p *corev1.Pod) []sighting {
	s := sighting{pool: pool{p.Namespace, p.Labels[v1alpha1.PoolLabel]}, pod: p.Name, uid: p.UID}
	if s.pool.name == "" {
		s.pool.name = p.Labels[peer.PoolLabel]
	}
	with := func(f fact) sighting { s.fact = f; return s }
	if t == watch.Deleted {
		return []sighting{with(podGone)}
	}
	if p.DeletionTimestamp != nil {
		return []sighting{with(podLeaving)}
	}
	facts := []sighting{with(podUnready)}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			facts = []sighting{with(podReady)}
		}
	}
	switch p.Labels[v1alpha1.RoleLabel] {
	case v1alpha1.RoleLeader:
		facts = append(facts, with(roleLeader))
	case v1alpha1.RoleFollower:
		facts = append(facts, with(roleFollower))
	}
	return facts
}

func factsOfSlice(s *discoveryv1.EndpointSlice) []sighting {
	name := s.Labels[v1alpha1.PoolLabel]
	if name == "" {
		name = s.Labels[discoveryv1.LabelServiceName]
	}
	for _, e := range s.Endpoints {
		if e.TargetRef != nil && e.Conditions.Ready != nil && *e.Conditions.Ready {
			return []sighting{{fact: sliceNames, pool: pool{s.Namespace, name}, pod: e.TargetRef.Name, uid: e.TargetRef.UID}}
		}
	}
	return nil
}

func factsOfPolicy(p *unstructured.Unstructured) []sighting {
	s := sighting{fact: statusNames, pool: pool{p.GetNamespace(), p.GetName()}}
	s.pod, _, _ = unstructured.NestedString(p.Object, "status", "currentHolder", "name")
	s.candidates, _, _ = unstructured.NestedInt64(p.Object, "status", "candidates")
	if s.pod == "" {
		return nil
	}
	return []sighting{s}
}
