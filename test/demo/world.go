package demo

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

const (
	poolName    = "web"
	serviceName = poolName + v1alpha1.LeaderServiceSuffix
)

// event is what a watch delivered, and when.
type event struct {
	at     time.Time
	kind   watch.EventType
	object client.Object
}

// world is all that the watches said, up to one event.
type world struct {
	pods    map[types.UID]*corev1.Pod
	slices  map[string]*discoveryv1.EndpointSlice
	policy  *v1alpha1.LeaderPolicy
	lease   *coordinationv1.Lease
	service *corev1.Service
}

func newWorld() *world {
	return &world{pods: map[types.UID]*corev1.Pod{}, slices: map[string]*discoveryv1.EndpointSlice{}}
}

func (w *world) apply(e event) {
	gone := e.kind == watch.Deleted
	switch o := e.object.(type) {
	case *corev1.Pod:
		w.pods[o.UID] = o
		if gone {
			delete(w.pods, o.UID)
		}
	case *discoveryv1.EndpointSlice:
		if o.Labels[discoveryv1.LabelServiceName] != serviceName {
			return
		}
		w.slices[o.Name] = o
		if gone {
			delete(w.slices, o.Name)
		}
	case *v1alpha1.LeaderPolicy:
		put(&w.policy, o, gone)
	case *coordinationv1.Lease:
		put(&w.lease, o, gone)
	case *corev1.Service:
		put(&w.service, o, gone)
	}
}

// put keeps the object of the pool's name: other objects of the namespace are nobody's concern here.
func put[T client.Object](at *T, o T, gone bool) {
	var none T
	switch name := o.GetName(); {
	case name != poolName && name != serviceName:
	case gone:
		*at = none
	default:
		*at = o
	}
}

// target returns the pod that the leader Service sends traffic to: the one that all its slices name, "" while they name
// none, several, or one that gets no traffic.
func (w *world) target() types.UID {
	var target types.UID
	for _, s := range w.slices {
		if len(s.Endpoints) != 1 {
			return ""
		}
		e := s.Endpoints[0]
		ready := e.Conditions.Ready != nil && *e.Conditions.Ready
		if !ready || e.TargetRef == nil || target != "" && target != e.TargetRef.UID {
			return ""
		}
		target = e.TargetRef.UID
	}
	return target
}

// leaders returns the pods that carry the role leader.
func (w *world) leaders() []*corev1.Pod {
	var leaders []*corev1.Pod
	for _, p := range w.pods {
		if p.Labels[v1alpha1.RoleLabel] == v1alpha1.RoleLeader || p.Annotations[v1alpha1.RoleAnnotation] == v1alpha1.RoleLeader {
			leaders = append(leaders, p)
		}
	}
	return leaders
}

// name returns a pod's name for people.
func (w *world) name(uid types.UID) string {
	switch p := w.pods[uid]; {
	case uid == "":
		return "nobody"
	case p == nil:
		return "a pod that is gone (" + string(uid) + ")"
	default:
		return p.Name
	}
}

func isReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
