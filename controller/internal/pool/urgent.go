package pool

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// Priorities of pools in the queue. Objects that were there at the start have handler.LowPriority, which is below both,
// apart from pods: leaders may have been lost while nobody looked.
const (
	// urgent: a pool may have lost its leader.
	urgent = 100
	// normal: anything else.
	normal = 0
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// enqueuePools puts the pools of pods into the queue, those that may have lost their leader before all others.
func enqueuePools() handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) {
			priority := normal
			if e.IsInInitialList {
				priority = urgent
			}
			enqueue(q, priority, e.Object)
		},
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			priority := normal
			if lost(e.ObjectOld, e.ObjectNew) {
				priority = urgent
			}
			enqueue(q, priority, e.ObjectOld, e.ObjectNew) // both pools hear of a pod that changes from one to the other
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) {
			priority := normal
			if isLeader(e.Object) {
				priority = urgent
			}
			enqueue(q, priority, e.Object)
		},
	}
}

func enqueue(q queue, priority int, pods ...client.Object) {
	for _, o := range pods {
		add(q, priority, requests(o.GetNamespace(), poolOf(o))...)
	}
}

func add(q queue, priority int, pools ...reconcile.Request) {
	if p, ok := q.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		p.AddWithOpts(priorityqueue.AddOpts{Priority: &priority}, pools...)
		return
	}
	for _, r := range pools {
		q.Add(r)
	}
}

func isLeader(pod client.Object) bool {
	return pod.GetAnnotations()[v1alpha1.RoleAnnotation] == v1alpha1.RoleLeader
}

// lost says whether a leader may not be elected any more.
func lost(before, after client.Object) bool {
	was, ok := before.(*corev1.Pod)
	is, ok2 := after.(*corev1.Pod)
	if !ok || !ok2 || !isLeader(before) {
		return false
	}
	b, a := MemberOf(was), MemberOf(is)
	return b.Candidate() && (!a.Candidate() || poolOf(before) != poolOf(after))
}
