package demo

import (
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// fault recognises the event of a fault.
type fault func(event) bool

// deleted is the first event that says that a pod is being deleted, or is gone.
func deleted(pod *corev1.Pod) fault {
	return func(e event) bool {
		p, ok := e.object.(*corev1.Pod)
		return ok && p.UID == pod.UID && (e.kind == watch.Deleted || p.DeletionTimestamp != nil)
	}
}

// unready is the first event that says that a pod is not ready.
func unready(pod *corev1.Pod) fault {
	return func(e event) bool {
		p, ok := e.object.(*corev1.Pod)
		return ok && p.UID == pod.UID && !isReady(p)
	}
}

// asked is the first event that says that a handover is asked for.
func asked(*corev1.Pod) fault {
	return func(e event) bool {
		p, ok := e.object.(*v1alpha1.LeaderPolicy)
		return ok && p.Annotations[v1alpha1.HandoverAnnotation] != ""
	}
}

// timing is one failover as the watches saw it.
type timing struct {
	fault, moved time.Time
	successor    types.UID
}

func (t timing) took() time.Duration { return since(t.moved, t.fault) }

// since never answers less than nothing: two watches may deliver two events in another order than they were written.
func since(to, from time.Time) time.Duration { return max(0, to.Sub(from)) }

// measure finds in a log, from an index on, when the fault was seen and when the leader Service was first seen to name
// another pod than before.
func measure(log []event, from int, before types.UID, is fault) (timing, error) {
	var t timing
	w := newWorld()
	for i, e := range log {
		w.apply(e)
		if i < from {
			continue
		}
		if t.fault.IsZero() && is(e) {
			t.fault = e.at
		}
		if target := w.target(); t.moved.IsZero() && target != "" && target != before {
			t.moved, t.successor = e.at, target
		}
	}
	switch {
	case t.fault.IsZero():
		return t, errors.New("the watches did not see the fault")
	case t.moved.IsZero():
		return t, errors.New("the watches did not see the Service name another pod")
	}
	return t, nil
}
