package demo

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func at(ms int, kind watch.EventType, o client.Object) event {
	return event{at: noon.Add(time.Duration(ms) * time.Millisecond), kind: kind, object: o}
}

// pod makes a ready pod whose UID is its name.
func pod(name string, changes ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name)}}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	for _, change := range changes {
		change(p)
	}
	return p
}

func terminating(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: noon} }

func notReady(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionFalse }

// slice makes a slice of the leader Service; target is a pod, "" nobody.
func slice(name, target string) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{
		Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: serviceName},
		Annotations: map[string]string{v1alpha1.TermAnnotation: "7"},
	}}
	if target != "" {
		s.Endpoints = []discoveryv1.Endpoint{{
			Conditions: discoveryv1.EndpointConditions{Ready: new(true)},
			TargetRef:  &corev1.ObjectReference{Name: target, UID: types.UID(target)},
		}}
	}
	return s
}

func TestMeasure(t *testing.T) {
	begin := []event{
		at(0, watch.Added, pod("a")), at(0, watch.Added, pod("b")), at(0, watch.Added, slice("v4", "a")),
	}
	for name, c := range map[string]struct {
		is   fault
		log  []event
		want time.Duration
		to   types.UID
		err  string
	}{
		"a deletion counts from when it was asked for": {
			is: deleted(named("a")), want: 20 * time.Millisecond, to: "b",
			log: []event{
				at(100, watch.Modified, pod("a", terminating)), at(120, watch.Modified, slice("v4", "b")),
				at(900, watch.Deleted, pod("a", terminating)),
			},
		},
		"a deletion may come without warning": {
			is: deleted(named("a")), want: 30 * time.Millisecond, to: "b",
			log: []event{at(100, watch.Deleted, pod("a")), at(130, watch.Modified, slice("v4", "b"))},
		},
		"unreadiness counts from the condition, and that of others does not count": {
			is: unready(named("a")), want: 10 * time.Millisecond, to: "b",
			log: []event{
				at(90, watch.Modified, pod("c", notReady)), at(100, watch.Modified, pod("a", notReady)), at(110, watch.Modified, slice("v4", "b")),
			},
		},
		"a Service that names nobody has not moved": {
			is: deleted(named("a")), want: 50 * time.Millisecond, to: "b",
			log: []event{
				at(100, watch.Deleted, pod("a")), at(110, watch.Modified, slice("v4", "")), at(150, watch.Modified, slice("v4", "b")),
			},
		},
		"with two address families both must have moved": {
			is: deleted(named("a")), want: 70 * time.Millisecond, to: "b",
			log: []event{
				at(10, watch.Added, slice("v6", "a")), at(100, watch.Deleted, pod("a")),
				at(110, watch.Modified, slice("v4", "b")), at(170, watch.Modified, slice("v6", "b")),
			},
		},
		"two watches may deliver in the wrong order": {
			is: deleted(named("a")), want: 0, to: "b",
			log: []event{at(100, watch.Modified, slice("v4", "b")), at(101, watch.Deleted, pod("a"))},
		},
		"the slice of another Service means nothing": {
			is: deleted(named("a")), err: "did not see the Service",
			log: []event{at(100, watch.Deleted, pod("a")), at(110, watch.Modified, func() client.Object {
				s := slice("other", "b")
				s.Labels[discoveryv1.LabelServiceName] = "other"
				return s
			}())},
		},
		"a fault that was not seen is no measurement": {
			is: deleted(named("a")), err: "did not see the fault", log: []event{at(110, watch.Modified, slice("v4", "b"))},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := measure(append(slices.Clip(begin), c.log...), len(begin), "a", c.is)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil || got.took() != c.want || got.successor != c.to {
				t.Errorf("%s to %s (%v), want %s to %s", got.took(), got.successor, err, c.want, c.to)
			}
		})
	}
}

func TestWhatWasBeforeTheStepIsNotMeasured(t *testing.T) {
	log := []event{
		at(0, watch.Added, slice("v4", "a")), at(10, watch.Modified, slice("v4", "b")), // an earlier move
		at(100, watch.Deleted, pod("b")), at(140, watch.Modified, slice("v4", "c")),
	}
	got, err := measure(log, 2, "b", deleted(named("b")))
	if err != nil || got.took() != 40*time.Millisecond || got.successor != "c" {
		t.Errorf("%s to %s (%v), want 40ms to c", got.took(), got.successor, err)
	}
}

func named(uid types.UID) *corev1.Pod { return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: uid}} }
