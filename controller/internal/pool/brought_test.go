package pool

import (
	"slices"
	"testing"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

func TestARoleBroughtFromAnotherPoolIsNoObservedTerm(t *testing.T) {
	o := observing("a", member("a", role(v1alpha1.RoleLeader, 7)))
	if p := Decide(o, epoch); p.Status == nil || p.Status.Term != 500 {
		t.Errorf("status %+v, want the term of the Lease's version, as the pool may have had any term below", p.Status)
	}
	o.Members[0] = member("a", role(v1alpha1.RoleLeader, 500))
	if p := Decide(o, epoch); p.Status == nil || p.Status.Term != 500 {
		t.Errorf("status %+v, want the term in which it was published a moment ago", p.Status)
	}
}

func TestTermsThatMembersBringAreNotThoseOfAContendedPool(t *testing.T) {
	for name, o := range map[string]Observed{
		"somebody else's Lease": foreignLease(observed("", member("a"), member("b", role(v1alpha1.RoleLeader, 900))), "other"),
		"a Lease that a stranger took": takenByStranger(
			observed("", member("a"), member("b", role(v1alpha1.RoleLeader, 900))), "other", 15, time.Second),
	} {
		t.Run(name, func(t *testing.T) {
			o.Policy.Status.Term = 130
			if p := Decide(o, epoch); !p.Reread {
				t.Fatalf("plan %+v, want the Lease to be read: another replica may have made it anew", p)
			}
			o.Confirmed, o.Live = true, true
			p := Decide(o, epoch)
			want := map[string]term.Number{"a": 130, "b": 900}
			for _, w := range p.Roles {
				if w.Role != v1alpha1.RoleFollower || w.Term != want[w.Member.Name] {
					t.Errorf("%s: role %s of term %d, want follower of %d", w.Member.Name, w.Role, w.Term, want[w.Member.Name])
				}
			}
			if len(p.Roles) != 2 || slices.ContainsFunc(p.Slices, func(s discoveryv1.EndpointSlice) bool { return s.Annotations[v1alpha1.TermAnnotation] != "130" }) {
				t.Errorf("roles %+v, slices %+v", p.Roles, p.Slices)
			}
		})
	}
}
