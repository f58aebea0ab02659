package pool

import (
	"testing"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

func TestTermsOfObservedLeases(t *testing.T) {
	shown := func(leader string, t term.Number, holder string) Observed {
		o := observing(holder, member("a", role("follower", t)), member("b", role("follower", t)))
		if leader == "" {
			o.Policy.Status.Term = int64(t)
			return o
		}
		o.Members[leader[0]-'a'].Role = RoleWrite{Role: v1alpha1.RoleLeader, Term: t}.written()
		return statusNames(o, leader, t)
	}
	for name, tc := range map[string]struct {
		observed Observed
		want     int64
	}{
		"the first is the version that names the leader":    {observing("a", member("a")), 500},
		"a leader that stays keeps its term":                {shown("a", 7, "a"), 7},
		"another leader begins one":                         {shown("a", 7, "b"), 500},
		"that is above all that were":                       {shown("a", 700, "b"), 701},
		"nobody leads in the term of who led":               {shown("a", 7, ""), 7},
		"who leads after nobody did begins a term":          {shown("", 7, "a"), 500},
		"two of one term are told apart by the next":        {sliceNames(shown("a", 7, "a"), "b", 7), 500},
		"the pool's own Lease counts where status was lost": {but(observing("a", member("a")), func(o *Observed) { setLease(o, term.Record{Version: 300, Base: 600, Transitions: 9}) }), 610},
		"what stands on a follower is not overwritten":      {observing("a", member("a"), member("b", role("follower", 900))), 901},
		"a term that cannot be one does not count":          {observing("a", member("a"), member("b", role("leader", term.Max))), 500},
		"what is left of a policy that was deleted does":    {observing("a", member("a", func(m *Member) { m.Role = Role{TermText: "700", HasTerm: true, Term: 700} })), 701},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(tc.observed, epoch)
			o := tc.observed
			carryOut(&o, p)
			if got := o.Policy.Status.Term; got != tc.want {
				t.Errorf("term %d, want %d", got, tc.want)
			}
			for _, m := range o.Members {
				leads := p.Leader != nil && m.UID == p.Leader.UID
				if hasRole(&m, v1alpha1.RoleLeader) != leads || leads && int64(m.Role.Term) != tc.want {
					t.Errorf("%s: role %+v", m.Name, m.Role)
				}
			}
			for _, s := range o.Slices {
				if leads := p.Leader != nil; len(s.Endpoints) > 0 != leads || leads && s.Endpoints[0].TargetRef.UID != p.Leader.UID {
					t.Errorf("slice %+v", s)
				}
			}
			if again := Decide(o, epoch.Add(1)); again.Status != nil || len(again.Roles) > 0 || len(again.Slices) > 0 {
				t.Errorf("decided again: status %+v, roles %+v, slices %+v", again.Status, again.Roles, again.Slices)
			}
		})
	}
}

func TestWhoIsReplacedIsMarkedWithTheNewTerm(t *testing.T) {
	o := statusNames(observing("b", member("a", role("follower", 3)), member("b")), "a", 7) // a was never marked as leader of 7
	for _, w := range Decide(o, epoch).Roles {
		if w.Member.Name == "a" && w.Role == v1alpha1.RoleFollower && w.Term == 500 {
			return
		}
	}
	t.Error("a late write that makes a the leader of term 7 would land")
}

func TestAnExpiredLeaderLosesItsTraffic(t *testing.T) {
	o := observing("a", member("a"), member("b"))
	carryOut(&o, Decide(o, epoch))
	if carryOut(&o, Decide(o, epoch)); len(o.Slices) != 1 || len(o.Slices[0].Endpoints) != 1 {
		t.Fatalf("slices %+v", o.Slices)
	}
	o.Program.unchangedFor = 16e9
	carryOut(&o, Decide(o, epoch))
	if len(o.Slices[0].Endpoints) != 0 || o.Members[0].Role.Annotation != v1alpha1.RoleFollower || o.Policy.Status.CurrentHolder != nil || o.Policy.Status.Term != 500 {
		t.Errorf("slices %+v, role %+v, status %+v", o.Slices, o.Members[0].Role, o.Policy.Status)
	}
	o.Program.unchangedFor, o.Program.record.Version = 0, 600
	if carryOut(&o, Decide(o, epoch)); o.Policy.Status.Term != 600 || o.Members[0].Role.Annotation != v1alpha1.RoleLeader {
		t.Errorf("it renewed: role %+v, status %+v", o.Members[0].Role, o.Policy.Status)
	}
}
