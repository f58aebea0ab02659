package demo

import (
	"strings"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

func role(role string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Labels = map[string]string{v1alpha1.RoleLabel: role}
		p.Annotations = map[string]string{v1alpha1.RoleAnnotation: role, v1alpha1.TermAnnotation: "7"}
	}
}

// after is the record before the step: a led in term 6.
var after = leaseRecord{holder: "a", base: 5, transitions: 1}

// moved is a pool that went from a to b, with term 7; a is unready.
func moved() map[string]client.Object {
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: poolName, Annotations: map[string]string{
		v1alpha1.TermBaseAnnotation: "5", v1alpha1.HolderUIDAnnotation: "b",
	}}}
	lease.Spec.LeaseTransitions = new(int32(2))
	policy := &v1alpha1.LeaderPolicy{ObjectMeta: metav1.ObjectMeta{Name: poolName}}
	policy.Status = v1alpha1.LeaderPolicyStatus{
		Phase: v1alpha1.PhaseStable, Term: 7, Candidates: new(int32(2)), CurrentHolder: &v1alpha1.Holder{Name: "b", UID: "b"},
	}
	return map[string]client.Object{
		"a": pod("a", role(v1alpha1.RoleFollower), notReady), "b": pod("b", role(v1alpha1.RoleLeader)), "c": pod("c", role(v1alpha1.RoleFollower)),
		"slice": slice("v4", "b"), "lease": lease, "policy": policy,
		"service": &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: serviceName, UID: "s"}},
	}
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		change func(map[string]client.Object)
		want   string
	}{
		"what the contract says": {change: func(map[string]client.Object) {}},
		"a second leader": {
			change: func(o map[string]client.Object) { role(v1alpha1.RoleLeader)(o["c"].(*corev1.Pod)) },
			want:   "exactly one pod with role leader",
		},
		"nobody leads": {
			change: func(o map[string]client.Object) { role(v1alpha1.RoleFollower)(o["b"].(*corev1.Pod)) },
			want:   "exactly one pod with role leader, saw none",
		},
		"another leads than the Lease says": {
			change: func(o map[string]client.Object) {
				role(v1alpha1.RoleFollower)(o["b"].(*corev1.Pod))
				role(v1alpha1.RoleLeader)(o["c"].(*corev1.Pod))
			},
			want: "role leader on the holder of the Lease, saw c",
		},
		"a member without a role": {
			change: func(o map[string]client.Object) { o["c"].SetLabels(nil) },
			want:   "a role on c",
		},
		"the old leader is gone": {
			change: func(o map[string]client.Object) { delete(o, "a") },
			want:   "the old leader to be there still",
		},
		"the Service still points at the old leader": {
			change: func(o map[string]client.Object) { o["slice"] = slice("v4", "a") },
			want:   "Service web-leader to point at b, saw a",
		},
		"the slice is of another term": {
			change: func(o map[string]client.Object) { o["slice"].GetAnnotations()[v1alpha1.TermAnnotation] = "6" },
			want:   "term 7 on EndpointSlice v4, saw 6",
		},
		"the Service is gone": {
			change: func(o map[string]client.Object) { delete(o, "service") },
			want:   "Service web-leader, saw none",
		},
		"the Service was made anew": {
			change: func(o map[string]client.Object) { o["service"].SetUID("t") },
			want:   "the Service that was there before",
		},
		"the status names another": {
			change: func(o map[string]client.Object) { o["policy"].(*v1alpha1.LeaderPolicy).Status.CurrentHolder.Name = "a" },
			want:   "status.currentHolder b, saw a",
		},
		"the status is of another term": {
			change: func(o map[string]client.Object) { o["policy"].(*v1alpha1.LeaderPolicy).Status.Term = 6 },
			want:   "status.term 7, saw 6",
		},
		"the term did not grow": {
			change: func(o map[string]client.Object) { *o["lease"].(*coordinationv1.Lease).Spec.LeaseTransitions = 1 },
			want:   "the term to grow from 6 to 7, saw 6",
		},
		"the terms began anew": {
			change: func(o map[string]client.Object) { o["lease"].GetAnnotations()[v1alpha1.TermBaseAnnotation] = "9" },
			want:   "the term to grow from 6 to 7, saw 11",
		},
		"no Lease": {
			change: func(o map[string]client.Object) { delete(o, "lease") },
			want:   "Lease web with a term",
		},
	} {
		t.Run(name, func(t *testing.T) {
			objects := moved()
			c.change(objects)
			w := newWorld()
			for _, o := range objects {
				w.apply(at(0, watch.Added, o))
			}
			got := strings.Join(w.check(claim{members: 3, candidates: 2, after: &after, alive: true, service: types.UID("s")}), "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("findings %q, want %q", got, c.want)
			}
		})
	}
}
