package pool

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

func named(identity string) func(*Member) {
	return func(m *Member) { m.CustomIdentity = identity }
}

func TestCustomIdentities(t *testing.T) {
	for name, tc := range map[string]struct {
		// holder is the pod that the record names, and as its identity.
		holder, as string
		members    []Member
		// leader is the pod that leads and holder the identity in the record that is written, "" if none is.
		leader, written string
		conflict        string // part of the condition's message
	}{
		"the record names the identity, not the pod": {
			"", "", []Member{member("a", named("blue")), member("b", named("green"))}, "a", "blue", ""},
		"a leader of that identity stays": {
			"b", "green", []Member{member("a", named("blue")), member("b", named("green"))}, "b", "", ""},
		"of two with one identity the oldest is elected": {
			"", "", []Member{member("b", named("blue")), member("a", named("blue"))}, "a", "blue", `b is not elected: a has the same zen-lead/identity, "blue"`},
		"of two with one identity the leader stays, be it the younger": {
			"b", "blue", []Member{member("a", named("blue")), member("b", named("blue"))}, "b", "", "a is not elected: b has the same"},
		"one that is refused is not elected when the leader of its identity is not ready": {
			"a", "blue", []Member{member("a", named("blue"), unready), member("b", named("blue"))}, "a", "", "b is not elected"},
		"one that has ended has no claim": {
			"a", "blue", []Member{member("a", named("blue"), terminal), member("b", named("blue"))}, "b", "blue", ""},
		"a terminating one has: its process may run": {
			"a", "blue", []Member{member("a", named("blue"), terminating), member("b", named("blue"))}, "a", "", "b is not elected"},
		"one without identity is not elected": {
			"", "", []Member{member("a"), member("b", named("green"))}, "b", "green", "a is not elected: its annotation zen-lead/identity must have 1 to 253 bytes"},
		"one whose identity is too long is not elected": {
			"", "", []Member{member("a", named(strings.Repeat("x", 254))), member("b", named("green"))}, "b", "green", "a is not elected"},
		"a leader whose identity was edited leads on under the new one": {
			"b", "green", []Member{member("a", named("blue")), member("b", named("red"))}, "b", "red", ""},
		"a leader whose identity was edited to another's is still the first to claim it": {
			"b", "green", []Member{member("a", named("blue")), member("b", named("blue"))}, "b", "blue", "a is not elected: b has the same"},
		"a leader whose identity was taken off is replaced": {
			"b", "green", []Member{member("a", named("blue")), member("b")}, "a", "blue", "b is not elected"},
		"and leads on where nobody else may": {
			"b", "green", []Member{member("b")}, "b", "", "b is not elected"},
		"a policy that begins to ask for identities demotes nobody while none is there": {
			"b", "b", []Member{member("a"), member("b")}, "b", "", "a is not elected"},
	} {
		t.Run(name, func(t *testing.T) {
			o := observed("", tc.members...)
			o.Policy.Spec.IdentityStrategy = v1alpha1.IdentityCustom
			if tc.holder != "" {
				setLease(&o, term.Record{Version: 500, Base: 100, Transitions: 1, Holder: term.Holder{Identity: tc.as, UID: "u" + tc.holder}})
			}
			p := Decide(o, epoch)
			leader, written := "", ""
			if p.Leader != nil {
				leader = p.Leader.Name
			}
			if p.Record != nil {
				written = max(p.Record.Holder.Identity, "-")
			}
			if leader != tc.leader || written != tc.written {
				t.Errorf("%q leads and %q is written; want %q and %q", leader, written, tc.leader, tc.written)
			}
			c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionIdentityConflict)
			if (c != nil) != (tc.conflict != "") || c != nil && !strings.Contains(c.Message, tc.conflict) {
				t.Errorf("condition %+v, want one that says %q", c, tc.conflict)
			}
		})
	}
}

func TestIdentitiesMeanNothingWhereThePolicyDoesNotAskForThem(t *testing.T) {
	o := observed("", member("a", named("blue")), member("b", named("blue")))
	p := Decide(o, epoch)
	if p.Record.Holder.Identity != "a" || meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionIdentityConflict) != nil {
		t.Errorf("record %+v, conditions %+v", p.Record, p.Status.Conditions)
	}
}

func TestAHolderWithAnIdentityOfItsOwnIsReadByThePodsName(t *testing.T) {
	o := observed("", member("b", named("green")))
	o.Policy.Spec.IdentityStrategy = v1alpha1.IdentityCustom
	setLease(&o, term.Record{Version: 500, Base: 100, Transitions: 1, Holder: term.Holder{Identity: "blue", UID: "ua"}})
	o = statusNames(o, "a", 101)
	o.OwnRecord = false
	if p := Decide(o, epoch); len(p.Verify) != 2 || p.Verify[0] != "a" || p.Verify[1] != "b" {
		t.Errorf("reads %v, want a and b", p.Verify)
	}
}
