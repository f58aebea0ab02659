package plugin

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func at(ago time.Duration) metav1.Time { return metav1.NewTime(noon.Add(-ago)) }

// webPool has a leader of weight 0 that a preferred member in zone a will follow, and one that is not ready.
func webPool() (*v1alpha1.LeaderPolicy, []corev1.Pod, map[string]*corev1.Node) {
	started := metav1.NewMicroTime(noon.Add(-5 * time.Minute))
	p := &v1alpha1.LeaderPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"},
		Spec:       v1alpha1.LeaderPolicySpec{Preference: &v1alpha1.Preference{Weights: []v1alpha1.PreferenceWeight{{Weight: new(int32(100)), Zone: "a"}}}},
		Status: v1alpha1.LeaderPolicyStatus{
			Phase: v1alpha1.PhaseStable, Term: 440, Candidates: new(int32(2)),
			CurrentHolder: &v1alpha1.Holder{Name: "web-0", UID: "u0", StartTime: &started},
			Conditions: []metav1.Condition{
				{Type: v1alpha1.ConditionLeaderElected, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonLeaderReady, Message: "web-0 leads"},
				{Type: v1alpha1.ConditionServiceConflict, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonServiceNotOurs, Message: "Service web-leader exists"},
			},
		},
	}
	pod := func(name, uid, node, role, term string, ready corev1.ConditionStatus, since time.Duration) corev1.Pod {
		return corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "shop", Name: name, UID: types.UID(uid), CreationTimestamp: at(time.Hour),
				Labels: map[string]string{v1alpha1.RoleLabel: role}, Annotations: map[string]string{v1alpha1.PoolAnnotation: "web", v1alpha1.RoleAnnotation: role, v1alpha1.TermAnnotation: term},
			},
			Spec: corev1.PodSpec{NodeName: node},
			Status: corev1.PodStatus{
				PodIPs:     []corev1.PodIP{{IP: "10.0.0." + uid[1:]}},
				Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready, LastTransitionTime: at(since)}},
			},
		}
	}
	pods := []corev1.Pod{
		pod("web-0", "u0", "node-1", "leader", "440", corev1.ConditionTrue, time.Hour),
		pod("web-1", "u1", "node-2", "follower", "440", corev1.ConditionTrue, 30*time.Second),
		pod("web-2", "u2", "", "follower", "412", corev1.ConditionFalse, 0),
	}
	nodes := map[string]*corev1.Node{"node-1": nil, "node-2": {ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{corev1.LabelTopologyZone: "a"}}}}
	return p, pods, nodes
}

func TestATreeExplainsThePool(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit             func(*v1alpha1.LeaderPolicy)
		wide, namespaces bool
		want             string
	}{
		"as it is": {func(*v1alpha1.LeaderPolicy) {}, false, false, `
POOL / MEMBER   ROLE       READY   NODE     ZONE   TERM   SINCE   WHY
web             Stable     2/3     -        -      440    5m      ServiceConflict: Service web-leader exists
├─ web-0        leader     yes     node-1   -      440    5m      leads, weight 0: no entry fits
├─ web-1        follower   yes     node-2   a      440    30s     leads next, weight 100: zone a
└─ web-2        follower   no      -        -      412    -       may not lead: it is not ready
`},
		"paused, wide, of all namespaces": {func(p *v1alpha1.LeaderPolicy) {
			p.Spec.Paused, p.Spec.Preference, p.Status.Conditions = true, nil, nil
		}, true, true, `
POOL / MEMBER   ROLE       READY   NODE     ZONE   TERM   SINCE   IP         WHY
shop/web        Stable     2/3     -        -      440    5m      -          paused: nothing moves until kubectl zenlead resume web
├─ web-0        leader     yes     node-1   -      440    5m      10.0.0.0   leads
├─ web-1        follower   yes     node-2   a      440    30s     10.0.0.1   may lead
└─ web-2        follower   no      -        -      412    -       10.0.0.2   may not lead: it is not ready
`},
		"of a policy that no controller has seen": {func(p *v1alpha1.LeaderPolicy) {
			p.Generation, p.Status, p.Annotations = 1, v1alpha1.LeaderPolicyStatus{}, map[string]string{v1alpha1.HandoverAnnotation: "web-1"}
		}, false, false, `
POOL / MEMBER   ROLE       READY   NODE     ZONE   TERM   SINCE   WHY
web             Unknown    2/3     -        -      -      -       the controller has not seen this policy as it is now: is one running? kubectl get leases -n zen-lead-system; a handover to "web-1" is asked for and not answered yet
├─ web-0        leader     yes     node-1   -      440    60m     may lead, weight 0: no entry fits
├─ web-1        follower   yes     node-2   a      440    30s     leads next, weight 100: zone a
└─ web-2        follower   no      -        -      412    -       may not lead: it is not ready
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, pods, nodes := webPool()
			c.edit(p)
			var b strings.Builder
			if err := tree(&b, Report{Pools: []Pool{describe(p, pods, nodes, noon)}}, c.wide, c.namespaces, noon); err != nil {
				t.Fatal(err)
			}
			if got := "\n" + b.String(); got != c.want {
				t.Errorf("got%s\nwant%s", got, c.want)
			}
		})
	}
}
