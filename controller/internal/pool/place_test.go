package pool

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// outOfService taints a node that is not heard any more.
func outOfService(n *corev1.Node) {
	n.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeOutOfService, Effect: corev1.TaintEffectNoExecute}}
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown}}
}

func nodeNamed(name string, changes ...func(*corev1.Node)) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, UID: "u"}}
	for _, c := range changes {
		c(n)
	}
	return n
}

// podOn is a running pod "a" of pool "web" on a node.
func podOn(name string) *corev1.Pod {
	p := memberPod("a", corev1.ConditionTrue)
	p.Spec.NodeName, p.Status.Phase = name, corev1.PodRunning
	return p
}

// contest is a pool that accepts the taint, as a reconciler finds it. What it reads live is what is in its cache, until a test
// says otherwise.
func contest(t *testing.T) (r *Reconciler, w *wire, c cached) {
	t.Helper()
	o := contending("a", member("a"))
	p := policy()
	p.Spec.Mode, p.Status.ObservedGeneration = v1alpha1.ModeParticipant, 1
	p.Spec.Failover = &v1alpha1.Failover{OutOfServiceTaint: new(true)}
	c = cached{"leaderpolicies/web": p, "leases/web": o.Lease, "pods/a": podOn("n1"), "nodes/n1": nodeNamed("n1"), "nodes/n2": nodeNamed("n2")}
	w = &wire{live: cached{}}
	for k, o := range c {
		if name, isNode := strings.CutPrefix(k, "nodes/"); isNode {
			k = "/api/v1/nodes/" + name // in no namespace
		}
		w.live[k] = o
	}
	return reconciler(t, w, c), w, c
}

func freed(w *wire) bool {
	return slices.ContainsFunc(w.sentTo("leases"), func(s sent) bool { return !strings.Contains(s.body, "holderIdentity") })
}

// TestTheTaintIsReadAfterTheLease lets a reconciler find out, and looks at what the API server has in the end.
func TestTheTaintIsReadAfterTheLease(t *testing.T) {
	off, well, other := nodeNamed("n1", outOfService), nodeNamed("n1"), podOn("n1")
	other.UID = "other"
	for name, tc := range map[string]struct {
		pod     *corev1.Pod
		node    *corev1.Node
		emptied bool
	}{
		"it is there": {podOn("n1"), off, true},
		"it was taken off, and the cache is behind": {podOn("n1"), well, false},
		"the node is gone":                          {podOn("n1"), nil, false},
		"the node was made anew":                    {podOn("n1"), nodeNamed("n1", outOfService, func(n *corev1.Node) { n.UID = "anew" }), false},
		"the pod is gone, and was there":            {nil, off, true},
		"and another has its name":                  {other, off, true},
	} {
		t.Run(name, func(t *testing.T) {
			r, w, c := contest(t)
			c["nodes/n1"] = off
			delete(w.live, "pods/a")
			delete(w.live, "/api/v1/nodes/n1")
			if tc.pod != nil {
				w.live["pods/a"] = tc.pod
			}
			if tc.node != nil {
				w.live["/api/v1/nodes/n1"] = tc.node
			}
			decideOnce(t, r)
			if got := freed(w); got != tc.emptied {
				t.Errorf("emptied %v, want %v: %v", got, tc.emptied, w.writes)
			}
		})
	}
}

func TestWhereAHolderRanIsRememberedWhenItsPodIsGone(t *testing.T) {
	for name, tc := range map[string]struct {
		between func(*Reconciler, cached)
		want    bool
	}{
		"this process saw it": {func(*Reconciler, cached) {}, true},
		"another process did": {func(r *Reconciler, _ cached) { r.places = places{} }, false},
		"the other node is tainted": {func(_ *Reconciler, c cached) {
			c["nodes/n1"], c["nodes/n2"] = nodeNamed("n1"), nodeNamed("n2", outOfService)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r, w, c := contest(t)
			decideOnce(t, r)
			delete(c, "pods/a")
			delete(w.live, "pods/a")
			c["nodes/n1"] = nodeNamed("n1", outOfService)
			tc.between(r, c)
			w.live["/api/v1/nodes/n1"], w.live["/api/v1/nodes/n2"] = c["nodes/n1"], c["nodes/n2"]
			decideOnce(t, r)
			if got := freed(w); got != tc.want {
				t.Errorf("emptied %v, want %v: %v", got, tc.want, w.writes)
			}
		})
	}
}

func TestAPlaceIsThatOfTheHolderAlone(t *testing.T) {
	var p places
	key := types.NamespacedName{Namespace: "ns", Name: "web"}
	a, b := member("a"), member("b")
	b.Node = ""
	if is, ok := p.see(key, a.UID, &a); !ok || is.node != "n1" {
		t.Fatalf("%+v, %v", is, ok)
	}
	if is, ok := p.see(key, a.UID, nil); !ok || is.pod != "a" {
		t.Errorf("%+v, %v of a pod that is gone", is, ok)
	}
	if is, ok := p.see(key, b.UID, &b); ok {
		t.Errorf("%+v of a pod without node", is)
	}
	if is, ok := p.see(key, a.UID, nil); ok {
		t.Errorf("%+v of who held the Lease before", is)
	}
}

func TestForHowLongANodeWasSeenTainted(t *testing.T) {
	var p places
	key, a := types.NamespacedName{Namespace: "ns", Name: "web"}, member("a")
	p.see(key, a.UID, &a)
	tainted, anew := nodeNamed("n1", outOfService), nodeNamed("n1", outOfService, func(n *corev1.Node) { n.UID = "anew" })
	for i, step := range []struct {
		node *corev1.Node
		off  bool
		want time.Duration
	}{
		{nodeNamed("n1"), false, 0},
		{tainted, true, 0},
		{nodeNamed("n1", outOfService, heard), false, time.Second},
		{tainted, true, 2 * time.Second},
		{nodeNamed("n1"), false, 0},
		{tainted, true, 0}, // again: what came between does not count
		{nil, false, 0},
		{anew, false, 0}, // another machine of that name
	} {
		if got := p.look(key, step.node, epoch.Add(time.Duration(i)*time.Second)); got.off != step.off || got.taintedFor != step.want {
			t.Errorf("step %d: %+v, want off %v, tainted for %v", i, got, step.off, step.want)
		}
	}
}

func TestATaintHasThePoolDecidedWhoseHolderIsGone(t *testing.T) {
	r, _, c := contest(t)
	decideOnce(t, r)
	delete(c, "pods/a")
	for name, tc := range map[string]struct {
		event event.UpdateEvent
		want  int
	}{
		"its node is tainted":                     {event.UpdateEvent{ObjectOld: nodeNamed("n1"), ObjectNew: nodeNamed("n1", outOfService)}, 1},
		"another is":                              {event.UpdateEvent{ObjectOld: nodeNamed("n2"), ObjectNew: nodeNamed("n2", outOfService)}, 0},
		"it is not ready any more, and tainted":   {event.UpdateEvent{ObjectOld: nodeNamed("n1", outOfService, heard), ObjectNew: nodeNamed("n1", outOfService)}, 1},
		"it was tainted, and is as it was before": {event.UpdateEvent{ObjectOld: nodeNamed("n1", outOfService), ObjectNew: nodeNamed("n1", outOfService)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			q := priorityqueue.New[reconcile.Request]("test")
			defer q.ShutDown()
			if nodeChanged.Update(tc.event) {
				r.enqueueNode().Update(t.Context(), tc.event, q)
			}
			if got := q.Len(); got != tc.want {
				t.Errorf("%d pools, want %d", got, tc.want)
			}
		})
	}
}

// heard lets a node say that it is ready.
func heard(n *corev1.Node) {
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
}
