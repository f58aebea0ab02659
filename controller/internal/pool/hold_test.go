package pool

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/controller/internal/node"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// holds lets the policy hold leaders whose nodes are unreachable; all that it would read was read.
func holds(o Observed) Observed {
	o.Policy.Spec.Failover = &v1alpha1.Failover{UnreachableNode: v1alpha1.UnreachableNodeHold}
	return verified(o, "a", "b")
}

func tainted(m *Member) { m.Terminating, m.Tainted = true, true }

func TestALeaderOnALostNodeIsHeld(t *testing.T) {
	stays := wanted{"a", "", "", 101}
	moves := func(reason Reason) wanted { return wanted{"b", "b", string(reason), 102} }
	leader := func(changes ...func(*Member)) Observed {
		return holds(observed("a", member("a", changes...), member("b")))
	}
	for name, tc := range map[string]struct {
		observed Observed
		want     wanted
	}{
		"its node is unreachable":                                {leader(on(node.Unreachable), unready), stays},
		"and its pod still counts as ready":                      {leader(on(node.Unreachable)), stays},
		"its node is gone":                                       {leader(on(node.Gone)), stays},
		"its node is silent":                                     {leader(on(node.Silent)), stays},
		"its pod is deleted for the node's taint":                {leader(on(node.Unreachable), unready, tainted), stays},
		"somebody deletes its pod":                               {leader(on(node.Unreachable), unready, terminating), moves(ReasonTerminating)},
		"its pod is gone":                                        {holds(observed("a", member("b"))), moves(ReasonGone)},
		"its pod has ended":                                      {leader(on(node.Unreachable), terminal), moves(ReasonTerminal)},
		"its pod was excluded":                                   {leader(on(node.Unreachable), excluded), moves(ReasonExcluded)},
		"its node is out of service":                             {leader(on(node.OutOfService), unready), moves(ReasonNotReady)},
		"its pod is not ready, on a node that is well":           {leader(unready), moves(ReasonNotReady)},
		"its node is cordoned":                                   {leader(on(node.Leaving)), moves(ReasonNodeLeaving)},
		"its node is well, and its pod is deleted for its taint": {leader(tainted), moves(ReasonTerminating)},
		"a handover is asked for":                                {asked(leader(on(node.Unreachable), unready), "b"), moves(ReasonHandover)},
	} {
		t.Run(name, func(t *testing.T) {
			checkPlan(t, tc.observed, Decide(tc.observed, epoch), tc.want)
		})
	}
}

func TestAPoolThatHoldsLooksAtTheNodeBeforeItMoves(t *testing.T) {
	o := holds(observed("a", member("a", unready), member("b")))
	o.Verified = nil
	if p := Decide(o, epoch); !slices.Equal(p.Verify, []string{"a", "b"}) {
		t.Errorf("reads %q: the event of the node may come after that of its pod", p.Verify)
	}
}

func TestThatTheLeaderIsNotReachableIsTold(t *testing.T) {
	for name, tc := range map[string]struct {
		standing        node.Standing
		status          metav1.ConditionStatus
		reason, message string
	}{
		"silent":         {node.Silent, metav1.ConditionUnknown, "NodeSilent", "node n1 of a has stopped to renew its Lease: it may be well, cut off or dead"},
		"unreachable":    {node.Unreachable, metav1.ConditionFalse, "NodeUnreachable", "node n1 of a is unreachable: the pod may still run there"},
		"gone":           {node.Gone, metav1.ConditionFalse, "NodeGone", "node n1 of a is gone: the pod may still run there"},
		"out of service": {node.OutOfService, metav1.ConditionFalse, "NodeOutOfService", "node n1 of a is out of service"},
	} {
		t.Run(name, func(t *testing.T) {
			o := observed("a", member("a", on(tc.standing)))
			p := Decide(o, epoch)
			c := conditionOf(t, p.Status, v1alpha1.ConditionLeaderReachable)
			if c.Status != tc.status || c.Reason != tc.reason || c.Message != tc.message {
				t.Errorf("%s, %s: %q", c.Status, c.Reason, c.Message)
			}
			if !slices.ContainsFunc(p.Events, func(e Event) bool { return e.Reason == "LeaderReachable" && e.Type == corev1.EventTypeWarning }) {
				t.Errorf("no event: %v", p.Events)
			}
			o.Policy.Status = *p.Status
			later := Decide(o, epoch.Add(time.Hour))
			if later.Status != nil || slices.ContainsFunc(later.Events, func(e Event) bool { return e.Reason == "LeaderReachable" }) {
				t.Errorf("told again: %+v, %v", later.Status, later.Events)
			}
			o.Members[0].Standing = node.Sound
			for _, c := range Decide(o, epoch).Status.Conditions {
				if c.Type == v1alpha1.ConditionLeaderReachable {
					t.Errorf("it stays although the node is back: %+v", c)
				}
			}
		})
	}
}

func TestAHeldLeaderSaysWhy(t *testing.T) {
	c := conditionOf(t, Decide(holds(observed("a", member("a", unready, on(node.Unreachable)), member("b"))), epoch).Status, v1alpha1.ConditionLeaderElected)
	if want := "a is kept although it is not ready: its node is not reachable, and spec.failover.unreachableNode is hold"; c.Reason != v1alpha1.ReasonLeaderKept || c.Message != want {
		t.Errorf("%s: %q, want %q", c.Reason, c.Message, want)
	}
}

func TestADeletionForATaintIsToldFromOneThatSomebodyAskedFor(t *testing.T) {
	deleted := func(reason string) Member {
		p := memberPod("a", corev1.ConditionFalse)
		p.DeletionTimestamp = &metav1.Time{Time: epoch}
		if reason != "" {
			p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: reason})
		}
		kept, err := StripPod(p)
		if err != nil {
			t.Fatal(err)
		}
		return MemberOf(kept.(*corev1.Pod))
	}
	for reason, want := range map[string]bool{"": false, "EvictionByEvictionAPI": false, "DeletionByTaintManager": true} {
		if got := deleted(reason); got.Tainted != want || !got.Terminating {
			t.Errorf("reason %q: for a taint: %v, want %v", reason, got.Tainted, want)
		}
	}
}

func TestAControllerThatMayNotLookAtNodesSaysThatItHoldsNobody(t *testing.T) {
	o := holds(observed("a", member("a")))
	o.NoNodes = true
	if c := conditionOf(t, Decide(o, epoch).Status, v1alpha1.ConditionFieldsUnused); c.Reason != v1alpha1.ReasonNodesUnknown {
		t.Errorf("%s: %s", c.Reason, c.Message)
	}
}
