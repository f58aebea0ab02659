package pool

import (
	"testing"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

func TestATermWrittenByHandLeavesTermsAboveIt(t *testing.T) {
	for _, written := range []term.Number{term.Max, term.Max - 1, mostOfStatus, mostOfOthers, mostOfOthers + 1, 900} {
		o := justMade(observed("", member("a", role("leader", 101)), member("b", role("follower", written))))
		o.Policy.Status.Term = 101
		for range 2 { // the Lease is lost again: what the first loss led to is still believed
			p := Decide(o, epoch)
			now := p.Record.Term()
			if p.Leader.Name != "a" || !now.Valid() || now <= term.Number(o.Policy.Status.Term) {
				t.Fatalf("%d on a follower: %s leads in term %d, after %d", written, p.Leader.Name, now, o.Policy.Status.Term)
			}
			o.Policy.Status = *p.Status
			o.Members[0].Role = Role{Annotation: v1alpha1.RoleLeader, Label: v1alpha1.RoleLeader, TermText: kube.FormatTerm(now), Term: now}
		}
	}
	o := justMade(observed("", member("a", role("leader", 101))))
	o.Policy.Status.Term = int64(term.Max)
	if now := Decide(o, epoch).Record.Term(); !now.Valid() {
		t.Errorf("the largest term in the status: term %d", now)
	}
}
