package pool

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// podOf returns a ready pod of a pool with a role.
func podOf(pool, role string, changes ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "p", Annotations: map[string]string{
			v1alpha1.PoolAnnotation: pool, v1alpha1.RoleAnnotation: role,
		}},
		Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
	}
	for _, c := range changes {
		c(p)
	}
	return p
}

func TestALostLeaderOvertakesEverythingElse(t *testing.T) {
	notReady := func(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionFalse }
	leaving := func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: epoch} }
	labelled := func(p *corev1.Pod) { p.Labels = map[string]string{"x": "y"} }
	update := func(before, after client.Object) func(handler.EventHandler, queue) {
		return func(h handler.EventHandler, q queue) {
			h.Update(t.Context(), event.UpdateEvent{ObjectOld: before, ObjectNew: after}, q)
		}
	}
	create := func(initial bool) func(handler.EventHandler, queue) {
		return func(h handler.EventHandler, q queue) {
			h.Create(t.Context(), event.CreateEvent{Object: podOf("web", "leader"), IsInInitialList: initial}, q)
		}
	}
	for name, tc := range map[string]struct {
		happens  func(handler.EventHandler, queue)
		priority int
	}{
		"a leader that is not ready any more": {update(podOf("web", "leader"), podOf("web", "leader", notReady)), urgent},
		"a leader that is being deleted":      {update(podOf("web", "leader"), podOf("web", "leader", leaving)), urgent},
		"a leader that leaves the pool":       {update(podOf("web", "leader"), podOf("other", "leader")), urgent},
		"a leader that is gone": {func(h handler.EventHandler, q queue) {
			h.Delete(t.Context(), event.DeleteEvent{Object: podOf("web", "leader")}, q)
		}, urgent},
		"a leader that changes otherwise":       {update(podOf("web", "leader"), podOf("web", "leader", labelled)), normal},
		"a leader that was lost before":         {update(podOf("web", "leader", notReady), podOf("web", "leader", notReady, leaving)), normal},
		"a follower that is not ready any more": {update(podOf("web", "follower"), podOf("web", "follower", notReady)), normal},
		"a leader that is new":                  {create(false), normal},
		"a pod that was there from the start":   {create(true), urgent},
	} {
		t.Run(name, func(t *testing.T) {
			q := priorityqueue.New[reconcile.Request]("test")
			defer q.ShutDown()
			tc.happens(enqueuePools(), q)
			if _, got, _ := q.GetWithPriority(); got != tc.priority {
				t.Errorf("priority %d, want %d", got, tc.priority)
			}
		})
	}
}
