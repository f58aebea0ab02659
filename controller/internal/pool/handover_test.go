package pool

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// asked lets a handover be asked for, and the pod that it names have been read from the API server.
func asked(o Observed, to string) Observed {
	o.Policy.Annotations = map[string]string{v1alpha1.HandoverAnnotation: to}
	o.Verified = append(o.Verified, to)
	return o
}

func conditionOf(t *testing.T, s *v1alpha1.LeaderPolicyStatus, kind string) *metav1.Condition {
	t.Helper()
	if s == nil {
		t.Fatal("no status is written")
	}
	c := meta.FindStatusCondition(s.Conditions, kind)
	if c == nil {
		t.Fatalf("there is no condition %s among %v", kind, s.Conditions)
	}
	return c
}

func TestAHandoverIsMadeOrRefused(t *testing.T) {
	leaderA := member("a", role("leader", 101))
	for name, tc := range map[string]struct {
		observed Observed
		want     wanted
		reason   string
		message  string
	}{
		"to a candidate": {
			asked(observed("a", leaderA, member("b"), member("c")), "c"), wanted{"c", "c", string(ReasonHandover), 102}, "Done", "c: leads in term 102"},
		"from a leader that is not ready": {
			asked(observed("a", member("a", unready), member("b"), member("c")), "c"), wanted{"c", "c", string(ReasonHandover), 102}, "Done", "c: leads in term 102"},
		"where nobody leads": {
			asked(observed("", member("b"), member("c")), "c"), wanted{"c", "c", string(ReasonHandover), 102}, "Done", "c: leads in term 102"},
		"to the leader": {
			asked(observed("a", leaderA, member("b")), "a"), wanted{"a", "", "", 101}, "Done", "a: leads in term 101"},
		"to a stranger": {
			asked(observed("a", leaderA), "x"), wanted{"a", "", "", 101}, "Refused", "x: not handed over: no pod of that name is a member of pool web"},
		"to what cannot be a pod": {
			asked(observed("a", leaderA), ""), wanted{"a", "", "", 101}, "Refused", `"": not handed over: no pod of that name is a member of pool web`},
		"to one that is not ready": {
			asked(observed("a", leaderA, member("b", unready)), "b"), wanted{"a", "", "", 101}, "Refused", "b: not handed over: it is not ready"},
		"to one that is being deleted": {
			asked(observed("a", leaderA, member("b", terminating)), "b"), wanted{"a", "", "", 101}, "Refused", "b: not handed over: it is being deleted"},
		"to one that is excluded": {
			asked(observed("a", leaderA, member("b", excluded)), "b"), wanted{"a", "", "", 101}, "Refused", "b: not handed over: it is excluded (zen-lead/join)"},
		"in a paused pool": {
			asked(paused(observed("a", leaderA, member("b"))), "b"), wanted{"a", "", "", 101}, "Refused", "b: not handed over: the pool is paused (spec.paused)"},
		"in a pool whose Lease is somebody else's": {
			asked(foreignLease(observed("", member("b")), "x"), "b"), wanted{"", "", "", 0}, "Refused", "b: not handed over: zen-lead does not hold Lease web"},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(tc.observed, epoch)
			checkPlan(t, tc.observed, p, tc.want)
			c := conditionOf(t, p.Status, v1alpha1.ConditionHandover)
			if c.Reason != tc.reason || c.Message != tc.message || (c.Status == metav1.ConditionTrue) != (tc.reason == "Done") {
				t.Errorf("%s, %s: %q; want %s: %q", c.Status, c.Reason, c.Message, tc.reason, tc.message)
			}
			if p.Answered == nil || *p.Answered != tc.observed.Policy.Annotations[v1alpha1.HandoverAnnotation] {
				t.Errorf("answered is %v", p.Answered)
			}
			told := slices.ContainsFunc(p.Events, func(e Event) bool {
				return e.Reason == "Handover" && e.Type == corev1.EventTypeWarning && e.Note == tc.message
			})
			if told != (tc.reason == "Refused") {
				t.Errorf("events %v: a refusal is told, and nothing else", p.Events)
			}
		})
	}
}

func TestAHandoverIsJudgedByThePodAsItIs(t *testing.T) {
	o := asked(observed("a", member("a"), member("b", unready)), "b")
	o.Verified = nil
	if p := Decide(o, epoch); !slices.Equal(p.Verify, []string{"b"}) || p.Answered != nil {
		t.Errorf("verify %q, answered %v; want b to be read first", p.Verify, p.Answered)
	}
}

func TestTheOutcomeOfAHandoverStays(t *testing.T) {
	o := observed("a", member("a"))
	o.Policy.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionHandover, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonRefused, Message: "why"}}
	if c := conditionOf(t, Decide(o, epoch).Status, v1alpha1.ConditionHandover); c.Message != "why" {
		t.Errorf("the message is %q", c.Message)
	}
}

// ledPool is a pool whose Lease names a in term 101, as whose leader it is marked. b and c are followers.
func ledPool(handoverTo string) cached {
	pod := func(name, role string) *corev1.Pod {
		p := memberPod(name, corev1.ConditionTrue)
		p.Labels["zen-lead/role"] = role
		p.Annotations["zen-lead/role"], p.Annotations["zen-lead/term"] = role, "101"
		return p
	}
	p := policy()
	p.Annotations = map[string]string{v1alpha1.HandoverAnnotation: handoverTo}
	return cached{"leaderpolicies/web": p, "leases/web": observed("a").Lease, "pods/a": pod("a", "leader"), "pods/b": pod("b", "follower"), "pods/c": pod("c", "follower")}
}

// steps names the writes of a move: "pods/a follower 101".
func steps(w *wire) (found []string) {
	for _, s := range w.writes {
		step := s.resource + "/" + s.name
		if s.resource == "pods" {
			for _, role := range []string{"leader", "follower"} {
				if strings.Contains(s.body, `"op":"add","path":"/metadata/annotations/zen-lead~1role","value":"`+role+`"`) {
					step += " " + role
				}
			}
			_, after, _ := strings.Cut(s.body, `"op":"add","path":"/metadata/annotations/zen-lead~1term","value":"`)
			term, _, _ := strings.Cut(after, `"`)
			step += " " + term
		}
		found = append(found, step)
	}
	return found
}

func TestInAPlannedMoveTheOldRoleGoesFirstAndTheNewOneComesLast(t *testing.T) {
	c := ledPool("c")
	w := &wire{live: c}
	decideOnce(t, reconciler(t, w, c))
	got := slices.DeleteFunc(steps(w), func(s string) bool { return strings.HasPrefix(s, "services/") })
	want := []string{"pods/a follower 101", "leases/web", "endpointslices/", "endpointslices/web-leader-ipv4", "pods/a follower 102", "pods/c leader 102", "leaderpolicies/web", "leaderpolicies/web"}
	if !slices.Equal(got, want) {
		t.Errorf("wrote %q, want %q", got, want)
	}
	last := w.writes[len(w.writes)-1]
	if want := `[{"op":"test","path":"/metadata/uid","value":"policy"},{"op":"test","path":"/metadata/annotations/zen-lead~1handover","value":"c"},{"op":"remove","path":"/metadata/annotations/zen-lead~1handover"`; last.method != http.MethodPatch || !strings.HasPrefix(last.body, want) {
		t.Errorf("the request is taken off by %s: %s", last, last.body)
	}
}

func TestWithoutTheOldRoleOffAPlannedMoveIsNotMade(t *testing.T) {
	c := ledPool("c")
	w := &wire{live: c, refuse: func(s sent) int {
		return map[string]int{"pods/a": http.StatusUnprocessableEntity}[s.resource+"/"+s.name]
	}}
	decideOnce(t, reconciler(t, w, c))
	if got := steps(w); len(got) != 1 {
		t.Errorf("wrote %q, want nothing after the role", got)
	}
}

func TestWithoutTheMarkOnTheOldLeaderTheNewOneGetsNoRole(t *testing.T) {
	c := ledPool("c")
	refusals := 0
	w := &wire{live: c, refuse: func(s sent) int {
		if s.resource+"/"+s.name != "pods/a" {
			return 0
		}
		if refusals++; refusals < 2 {
			return 0
		}
		return http.StatusInternalServerError
	}}
	decideOnce(t, reconciler(t, w, c))
	if got := steps(w); slices.Contains(got, "pods/c leader 102") {
		t.Errorf("wrote %q", got)
	}
}

func TestInAPlannedMoveNobodyGetsTheRoleBesideAWriteOnTheOldLeader(t *testing.T) {
	c := ledPool("c")
	a := c["pods/a"].(*corev1.Pod) // its role is on the way: another replica writes it
	delete(a.Annotations, "zen-lead/role")
	delete(a.Annotations, "zen-lead/term")
	delete(a.Labels, "zen-lead/role")
	w := &wire{live: c, refuse: func(s sent) int {
		return map[string]int{"pods/a": http.StatusUnprocessableEntity}[s.resource+"/"+s.name]
	}}
	decideOnce(t, reconciler(t, w, c))
	if got := steps(w); slices.Contains(got, "pods/c leader 102") {
		t.Errorf("wrote %q", got)
	}
}

func TestAHandoverFromALeaderThatIsNotReadyWaitsForNoRole(t *testing.T) {
	c := ledPool("c")
	c["pods/a"].(*corev1.Pod).Status.Conditions[0].Status = corev1.ConditionFalse
	w := &wire{live: c, refuse: func(s sent) int { return map[string]int{"pods": http.StatusInternalServerError}[s.resource] }}
	decideOnce(t, reconciler(t, w, c))
	if len(w.sentTo("leases")) == 0 {
		t.Errorf("wrote %q: the Lease never moves", steps(w))
	}
}

func TestAHandoverIsRefusedWhereTheOldRoleCannotBeTakenOff(t *testing.T) {
	c := ledPool("c")
	w := &wire{live: c, refuse: func(s sent) int {
		return map[string]int{"pods/a": http.StatusInternalServerError}[s.resource+"/"+s.name]
	}}
	r := reconciler(t, w, c)
	for range failuresInARow + 1 {
		decideOnce(t, r)
	}
	status := w.sentTo("leaderpolicies")
	if len(status) == 0 || !strings.Contains(status[0].body, "the role of the present leader cannot be taken off") {
		t.Errorf("wrote %q, want a refusal", steps(w))
	}
}

func TestAHandoverIsAnsweredWhateverElseCannotBeWritten(t *testing.T) {
	c := ledPool("c")
	w := &wire{live: c, refuse: func(s sent) int { return map[string]int{"services": http.StatusForbidden}[s.resource] }}
	r := reconciler(t, w, c)
	for range failuresInARow + 1 {
		decideOnce(t, r)
	}
	if !slices.ContainsFunc(w.sentTo("leaderpolicies"), func(s sent) bool { return s.method == http.MethodPatch }) {
		t.Errorf("wrote %q: the request is never taken off", steps(w))
	}
}

func TestALeaderStepsDownInTheTermThatItBears(t *testing.T) {
	o := asked(justMade(statusNames(observed("", member("a", role("leader", 441)), member("b", role("follower", 441))), "a", 441)), "b")
	o.Verified = []string{"a", "b"}
	if p := Decide(o, epoch); p.StepDown == nil || p.StepDown.Term != 441 {
		t.Errorf("steps down by %+v, want term 441", p.StepDown)
	}
}

func TestAMoveIsMadeForThePolicyAsItIs(t *testing.T) {
	for name, edit := range map[string]func(*v1alpha1.LeaderPolicy){
		"the request was answered by another": func(p *v1alpha1.LeaderPolicy) { p.Annotations = nil },
		"the pool is paused by now":           func(p *v1alpha1.LeaderPolicy) { p.Generation, p.Spec.Paused = 2, true },
	} {
		t.Run(name, func(t *testing.T) {
			c := ledPool("c")
			live := c["leaderpolicies/web"].(*v1alpha1.LeaderPolicy).DeepCopy()
			live.ResourceVersion = "999"
			edit(live)
			w := &wire{live: maps.Clone(c)}
			w.live["leaderpolicies/web"] = live
			r := reconciler(t, w, c)
			for range 2 {
				decideOnce(t, r)
			}
			if got := steps(w); slices.Contains(got, "leases/web") {
				t.Errorf("wrote %q", got)
			}
		})
	}
}

func TestWhereNobodyLedAHandoverNamesNobody(t *testing.T) {
	p := Decide(asked(observed("", member("a"), member("b")), "b"), epoch)
	if want := "b leads in term 102: a handover was asked for"; p.Events[0].Note != want {
		t.Errorf("%q, want %q", p.Events[0].Note, want)
	}
}
