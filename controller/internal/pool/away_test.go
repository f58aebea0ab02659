package pool

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/kube-zen/zen-lead/controller/internal/node"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// on puts a member on a node of that standing, since long ago.
func on(s node.Standing) func(*Member) { return onFor(s, time.Hour) }

func onFor(s node.Standing, d time.Duration) func(*Member) {
	return func(m *Member) { m.Standing, m.StandingFor = s, d }
}

// verified lets these pods have been read from the API server.
func verified(o Observed, names ...string) Observed {
	o.Verified = names
	return o
}

func TestTheLeadMovesAwayFromNodes(t *testing.T) {
	cordoned, silent, unreachable, gone, outOfService := on(node.Leaving), on(node.Silent), on(node.Unreachable), on(node.Gone), on(node.OutOfService)
	six := []time.Duration{10 * time.Second, 20 * time.Second, 30 * time.Second, 40 * time.Second, 50 * time.Second, 55 * time.Second}
	stays := wanted{"a", "", "", 101}
	moves := func(to string, reason Reason) wanted { return wanted{to, to, string(reason), 102} }
	for name, tc := range map[string]struct {
		observed Observed
		want     wanted
		after    time.Duration
	}{
		"its node is cordoned":                                      {observed("a", member("a", cordoned), member("b")), moves("b", ReasonNodeLeaving), 0},
		"nobody else is there to lead":                              {observed("a", member("a", cordoned)), stays, 0},
		"nobody else is ready":                                      {observed("a", member("a", cordoned), member("b", unready)), stays, 0},
		"all nodes are cordoned":                                    {observed("a", member("a", cordoned), member("b", cordoned)), stays, 0},
		"all nodes are cordoned, of which another would be elected": {observed("b", member("a", cordoned), member("b", cordoned)), wanted{"b", "", "", 101}, 0},
		"not to another node that is drained":                       {observed("a", member("a", cordoned), member("b", cordoned), member("c")), moves("c", ReasonNodeLeaving), 0},
		"not at once: more nodes may be drained together": {
			observed("a", member("a", onFor(node.Leaving, 10*time.Millisecond)), member("b")), stays, 5 * time.Millisecond},
		"an eviction does not wait": {
			observed("a", member("a", onFor(node.Leaving, 10*time.Millisecond), terminating), member("b")), moves("b", ReasonTerminating), 0},
		"the evicted leader's successor is not on a node that is drained too": {
			observed("a", member("a", cordoned, terminating), member("b", cordoned), member("c")), moves("c", ReasonTerminating), 0},
		"the evicted leader's only successor is on a node that is drained too": {
			observed("a", member("a", cordoned, terminating), member("b", cordoned)), moves("b", ReasonTerminating), 0},
		"a node that stays is more than a weight": {
			prefers(observed("a", member("a", cordoned), member("b", cordoned, zone("best")), member("c", zone("worst"))), 0), moves("c", ReasonNodeLeaving), 0},
		"of those on nodes that stay the weight decides": {
			prefers(observed("a", member("a", cordoned), member("b"), member("c", zone("best"))), 0), moves("c", ReasonNodeLeaving), 0},
		"no fail-back to a node that is drained": {
			prefers(observed("a", member("a"), member("b", zone("best"), cordoned, trustedFor(time.Hour))), 60), stays, 0},
		"a bound holds that up":      {moved(observed("a", member("a", cordoned), member("b")), six...), stays, 5 * time.Second},
		"nor is a paused pool moved": {paused(observed("a", member("a", cordoned), member("b"))), stays, 0},
		"the first leader is not on a node that is drained": {
			observed("", member("a", cordoned), member("b")), wanted{"b", "b", "nobody led", 102}, 0},
		"a silent node":      {verified(observed("a", member("a", silent), member("b")), "a", "b"), moves("b", ReasonNodeSilent), 0},
		"an unreachable one": {observed("a", member("a", unreachable), member("b")), moves("b", ReasonNodeUnreachable), 0},
		"a node that is gone": {
			verified(observed("a", member("a", gone), member("b")), "a", "b"), moves("b", ReasonNodeGone), 0},
		"out of service": {observed("a", member("a", outOfService), member("b")), moves("b", ReasonNodeOutOfService), 0},
		"what is out of service is bounded by nothing": {
			moved(observed("a", member("a", outOfService, unready), member("b")), six...), moves("b", ReasonNotReady), 0},
		"all nodes are lost": {observed("a", member("a", unreachable), member("b", silent)), stays, 0},
		"from one that is lost to one that is drained, which runs": {
			observed("a", member("a", unreachable), member("b", cordoned)), moves("b", ReasonNodeUnreachable), 0},
		"a whole zone is lost: the lead passes over those of it that still count as ready": {
			observed("a", member("a", unreachable, unready), member("b", silent), member("c")), moves("c", ReasonNotReady), 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(tc.observed, epoch)
			checkPlan(t, tc.observed, p, tc.want)
			if p.After != tc.after {
				t.Errorf("decides again after %s, want %s", p.After, tc.after)
			}
		})
	}
}

func TestALeaderOnANodeThatIsDrainedStepsDownFirst(t *testing.T) {
	o := observed("a", member("a", role("leader", 101), on(node.Leaving)), member("b", role("follower", 101)))
	if p := Decide(o, epoch); p.StepDown == nil || p.StepDown.Member.Name != "a" || p.StepDown.Role != "follower" || p.StepDown.Term != 101 {
		t.Errorf("steps down: %+v", p.StepDown)
	}
}

func TestNobodyIsMovedFromANodeThatMayBeWellBeforeALook(t *testing.T) {
	for name, tc := range map[string]struct {
		standing node.Standing
		verify   []string
	}{
		"silent":      {node.Silent, []string{"a", "b"}},
		"gone":        {node.Gone, []string{"a", "b"}},
		"unreachable": {node.Unreachable, nil},
		"cordoned":    {node.Leaving, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(observed("a", member("a", on(tc.standing)), member("b")), epoch)
			if !slices.Equal(p.Verify, tc.verify) || (p.Record == nil) != (tc.verify != nil) {
				t.Errorf("reads %q, record %v; want %q", p.Verify, p.Record, tc.verify)
			}
		})
	}
}

func TestAHandoverToANodeThatIsDrainedIsRefused(t *testing.T) {
	h := func(o Observed) *handover { return handoverOf(&o, nil) }
	if got := h(asked(observed("a", member("a"), member("b", on(node.Leaving))), "b")); got.target != nil || got.refused == "" {
		t.Errorf("refused: %q, although it would be moved away at once", got.refused)
	}
	if got := h(asked(observed("a", member("a", on(node.Leaving)), member("b", on(node.Leaving))), "b")); got.target == nil {
		t.Errorf("refused: %q, although all nodes are drained", got.refused)
	}
}

func TestAMemberOfANodeThatWasDrainedIsTrustedAnew(t *testing.T) {
	var p past
	at := func(seconds int, s node.Standing) (trusted, stood time.Duration) {
		m := member("a", on(s))
		p.note(&m, epoch.Add(time.Duration(seconds)*time.Second))
		return m.CandidateFor, m.StandingFor
	}
	for i, step := range []struct {
		at             int
		standing       node.Standing
		trusted, stood time.Duration
	}{
		{0, node.Sound, 0, 0},
		{10, node.Sound, 10 * time.Second, 10 * time.Second},
		{11, node.Leaving, 0, 0},
		{15, node.Leaving, 0, 4 * time.Second},
		{20, node.Sound, 0, 0},
		{25, node.Sound, 5 * time.Second, 5 * time.Second},
	} {
		if trusted, stood := at(step.at, step.standing); trusted != step.trusted || stood != step.stood {
			t.Errorf("step %d: trusted for %s, standing so for %s; want %s, %s", i, trusted, stood, step.trusted, step.stood)
		}
	}
}

func nodeOf(changes ...func(*corev1.Node)) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}
	for _, c := range changes {
		c(n)
	}
	return n
}

func TestOnlyWhatMattersOfANodeIsNews(t *testing.T) {
	cordoned := func(n *corev1.Node) { n.Spec.Unschedulable = true }
	labelled := func(n *corev1.Node) { n.Labels = map[string]string{"zone": "a"} }
	seen := func(n *corev1.Node) { n.ResourceVersion = "9" }
	for name, tc := range map[string]struct {
		before, after *corev1.Node
		news          bool
	}{
		"cordoned":             {nodeOf(), nodeOf(cordoned), true},
		"another label":        {nodeOf(), nodeOf(labelled), true},
		"its kubelet reported": {nodeOf(), nodeOf(seen), false},
		"cordoned as it was":   {nodeOf(cordoned), nodeOf(cordoned, seen), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := nodeChanged.Update(event.UpdateEvent{ObjectOld: tc.before, ObjectNew: tc.after}); got != tc.news {
				t.Errorf("news: %v, want %v", got, tc.news)
			}
		})
	}
}

func TestTheLeadersOfANodeOvertakeOthers(t *testing.T) {
	leader, follower := podOf("web", "leader"), podOf("web", "follower")
	for name, tc := range map[string]struct {
		pod      *corev1.Pod
		priority int
	}{"a leader": {leader, urgent}, "a follower": {follower, normal}} {
		t.Run(name, func(t *testing.T) {
			q := priorityqueue.New[reconcile.Request]("test")
			defer q.ShutDown()
			r := reconciler(t, &wire{}, cached{"pods/p": tc.pod})
			r.enqueueNode().Update(t.Context(), event.UpdateEvent{ObjectOld: nodeOf(), ObjectNew: nodeOf()}, q)
			if _, got, _ := q.GetWithPriority(); got != tc.priority {
				t.Errorf("priority %d, want %d", got, tc.priority)
			}
		})
	}
}

// beats are nodes that are silent, and those of them that a look at the API server finds to be well.
type beats struct{ silent, well []string }

func (b beats) Silent(node string) bool { return slices.Contains(b.silent, node) }

func (b beats) StillSilent(_ context.Context, node string) (bool, error) {
	return b.Silent(node) && !slices.Contains(b.well, node), nil
}

func TestTheLeaseOfANodeIsReadBeforeAMoveOnSuspicion(t *testing.T) {
	for name, tc := range map[string]struct {
		well  []string
		moves bool
	}{"it is as it was": {nil, true}, "it was renewed": {[]string{"n1"}, false}} {
		t.Run(name, func(t *testing.T) {
			c := ledPool("")
			delete(c["leaderpolicies/web"].(*v1alpha1.LeaderPolicy).Annotations, v1alpha1.HandoverAnnotation)
			for i, pod := range []string{"a", "b"} {
				n := "n" + strconv.Itoa(i+1)
				c["pods/"+pod].(*corev1.Pod).Spec.NodeName = n
				c["nodes/"+n] = &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n, UID: "u"}}
				c["/api/v1/nodes/"+n] = c["nodes/"+n] // in no namespace
			}
			w := &wire{live: c}
			r := reconciler(t, w, c)
			r.Heartbeats = beats{silent: []string{"n1"}, well: tc.well}
			decideOnce(t, r)
			if moved := len(w.sentTo("leases")) > 0; moved != tc.moves {
				t.Errorf("moved: %v, want %v; wrote %v", moved, tc.moves, w.writes)
			}
		})
	}
}
