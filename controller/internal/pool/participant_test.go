package pool

import (
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/controller/internal/node"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// contending is pool "web" whose members contend: in term 101 holder has the Lease, by a process of its pod, "" for nobody.
func contending(holder string, members ...Member) Observed {
	o := observed("", members...)
	o.Policy.Spec.Mode, o.Policy.Status.ObservedGeneration = v1alpha1.ModeParticipant, 1
	return but(o, func(o *Observed) {
		if holder == "" {
			setRecord(o, term.Holder{})
			return
		}
		setRecord(o, term.Holder{Identity: holder, UID: "u" + holder, Process: term.Process{ID: "p"}})
	})
}

// setRecord lets a process of the pods have written the Lease.
func setRecord(o *Observed, h term.Holder) {
	l, _ := kube.LeaseOf(o.Lease) // its version is a number
	r := term.Record{Version: 500, UID: "lease", Base: 100, Transitions: 1, Duration: 15 * time.Second, Renewed: epoch, Holder: h, Successor: o.Record.Successor}
	o.Lease = l.With(r)
	o.Record, o.Ours, _ = kube.RecordOf(o.Lease)
	o.Program = &program{
		name: "web", lease: o.Lease, record: o.Record, changed: 500, alive: true, sighted: map[types.UID]int64{},
	}
	for i := range o.Members {
		o.Members[i].Running = true
		o.Program.sighted[o.Members[i].UID] = 400
	}
}

// anElector lets an elector that is not zen-lead's have taken the Lease: it keeps annotations.
func anElector(o Observed, holder string) Observed {
	o.Record.Transitions++
	o.Record.Holder = term.Holder{Identity: holder}
	o.Lease.Spec.HolderIdentity, o.Lease.Spec.LeaseTransitions = &holder, &o.Record.Transitions
	o.Program.record = o.Record
	return o
}

func unchanged(o Observed, d time.Duration) Observed {
	o.Program.unchangedFor = d
	return o
}

func missingLease(o Observed) Observed {
	o.Lease, o.Record, o.Ours, o.rereads, o.Live = nil, term.Record{}, false, 1, true
	o.Program.lease, o.Program.record = nil, term.Record{}
	return o
}

func TestWhoLeadsAPoolWhoseMembersContend(t *testing.T) {
	for name, tc := range map[string]struct {
		observed Observed
		// leader is "" for nobody, for the reason.
		leader, reason string
		guarantee      v1alpha1.Guarantee
	}{
		"whom the Lease names by its UID": {contending("b", member("a"), member("b")), "b", "LeaderReady", "Exclusive"},
		"also when it is not ready":       {contending("b", member("a"), member("b", unready)), "b", "LeaderKept", "Exclusive"},
		"also when it is excluded":        {contending("b", member("b", excluded)), "b", "LeaderKept", "Exclusive"},
		"also when its node is silent":    {contending("b", member("a"), member("b", on(node.Silent))), "b", "LeaderReady", "Exclusive"},
		"nobody while nobody holds it":    {contending("", member("a")), "", "LeaseEmpty", "Exclusive"},
		"nobody while it is missing":      {missingLease(contending("", member("a"))), "", "LeaseMissing", "Exclusive"},
		"a holder that may still be valid": {
			unchanged(contending("a", member("a")), 15*time.Second), "a", "LeaderReady", "Exclusive"},
		"nobody once it was not renewed for 5 % more": {
			unchanged(contending("a", member("a")), 15750*time.Millisecond), "", "LeaseExpired", "Exclusive"},
		"nobody where another replica has seen that and this one no renewal": {
			but(contending("a", member("a", role("follower", 101))), func(o *Observed) { o.Program.alive, o.Live = false, true }), "", "LeaseExpired", "Exclusive"},
		"the holder again where this one has": {
			but(contending("a", member("a", role("follower", 101))), func(o *Observed) { o.Live = true }), "a", "LeaderReady", "Exclusive"},
		"a pod of the same name is not the holder": {contending("a", member("a", uid("other"))), "", "HolderUnknown", "Exclusive"},
		"a process outside of the pods is nobody":  {contending("laptop_1", member("a")), "", "HolderUnknown", "Exclusive"},
		"a pod that has ended does not lead":       {contending("a", member("a", terminal)), "", "HolderEnded", "Exclusive"},
		"a process without UID is told by its name": {
			but(contending("a", member("a")), func(o *Observed) { setRecord(o, term.Holder{Identity: "a", Process: term.Process{ID: "p"}}) }), "a", "LeaderReady", "Exclusive"},
		"but not by a record from before its pod ran": {
			but(contending("a", member("a")), func(o *Observed) {
				setRecord(o, term.Holder{Identity: "a", Process: term.Process{ID: "p"}})
				o.Program.sighted["ua"] = 500
			}), "", "HolderUnproven", "Exclusive"},
		"an elector that is not zen-lead's": {anElector(contending("a", member("a"), member("b")), "b_1"), "b", "LeaderReady", "Advisory"},
		"one that left the UID of whom it replaced": {
			but(anElector(contending("a", member("a"), member("b")), "b_1"), func(o *Observed) { o.Record.Holder.UID = "ua" }), "b", "LeaderReady", "Advisory"},
		"one that is no pod": {anElector(contending("a", member("a")), "other"), "", "HolderUnknown", "Advisory"},
		"nobody on a Lease that is not the pool's": {
			but(contending("", member("a")), func(o *Observed) { *o = foreignLease(*o, "x"); o.Program.lease, o.Live = o.Lease, true }), "", "ForeignLease", "Advisory"},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(tc.observed, epoch)
			leader := ""
			if p.Leader != nil {
				leader = p.Leader.Name
			}
			if p.Status == nil || leader != tc.leader || p.Record != nil || p.Create || p.Successor != nil {
				t.Fatalf("leader %q, plan %+v; want %q and no write of the Lease", leader, p, tc.leader)
			}
			c := conditionOf(t, p.Status, v1alpha1.ConditionLeaderElected)
			if c.Reason != tc.reason || c.Message == "" || (p.Status.CurrentHolder != nil) != (tc.leader != "") || p.Status.Guarantee != tc.guarantee {
				t.Errorf("condition %+v, status %+v, want %s, %s", c, p.Status, tc.reason, tc.guarantee)
			}
			contended := false
			for _, c := range p.Status.Conditions {
				contended = contended || c.Type == v1alpha1.ConditionLeaseContended && c.Message != ""
			}
			if contended != (tc.guarantee == v1alpha1.GuaranteeAdvisory) {
				t.Errorf("contended %v", contended)
			}
			if tc.leader != "" && p.Status.Term != int64(tc.observed.Record.Term()) {
				t.Errorf("term %d, want the Lease's, %d", p.Status.Term, tc.observed.Record.Term())
			}
		})
	}
}

func TestAPoolWhoseMembersContendIsLeftAloneWhileNothingChanges(t *testing.T) {
	o := contending("a", member("a"), member("b"))
	carryOut(&o, Decide(o, epoch))
	if p := Decide(o, epoch.Add(time.Hour)); p.acts() || p.After != 15750*time.Millisecond {
		t.Errorf("plan %+v", p)
	}
}

func TestThePodThatARecordNamedBeforeIsMarkedWithTheNewTerm(t *testing.T) {
	o := contending("c", member("b", role("follower", 90)), member("c"))
	o.Unmarked = []types.UID{"ub"}
	for _, w := range Decide(o, epoch).Roles {
		if w.Member.Name == "b" && w.Role == v1alpha1.RoleFollower && w.Term == 101 {
			return
		}
	}
	t.Error("a late write that makes b leader of an earlier term would pass")
}

func TestTheFirstLease(t *testing.T) {
	born := func(changes ...func(*Observed)) Observed {
		o := missingLease(contending("", member("a")))
		o.Policy.Status = v1alpha1.LeaderPolicyStatus{}
		for _, c := range changes {
			c(&o)
		}
		return o
	}
	live := func(o *Observed) { o.PolicyLive = true }
	for name, tc := range map[string]struct {
		observed             Observed
		reread, policy, born bool
	}{
		"it is looked for at the API server":              {born(func(o *Observed) { o.rereads, o.Live = 0, false }), true, false, false},
		"the policy is read from there":                   {born(), false, true, false},
		"it is made for a policy without status":          {born(live), false, false, true},
		"not for one that had a status":                   {born(live, func(o *Observed) { o.Policy.Status.ObservedGeneration = 1 }), false, false, false},
		"not where the status bears a term":               {born(live, func(o *Observed) { o.Policy.Status.Term = 5 }), false, false, false},
		"not where a member bears one":                    {born(live, func(o *Observed) { o.Members[0].Role = RoleWrite{Role: "follower", Term: 5}.written() }), false, false, false},
		"not where a slice does, of a policy made anew":   {sliceNames(born(live), "a", 5), false, false, false},
		"a Lease that is there is not made, also if bare": {but(contending("", member("a")), func(o *Observed) { *o = justMade(*o); o.Policy.Status.ObservedGeneration = 0 }), false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(tc.observed, epoch)
			if p.Reread != tc.reread || p.RereadPolicy != tc.policy || p.Create != tc.born {
				t.Fatalf("plan %+v", p)
			}
			if tc.born && (p.Status == nil || p.Status.ObservedGeneration != 1 || p.Status.Phase != v1alpha1.PhaseElecting) {
				t.Errorf("status %+v: it is written first", p.Status)
			}
		})
	}
}

// TestTheStatusIsWrittenBeforeTheFirstLease: who lost that write makes none.
func TestTheStatusIsWrittenBeforeTheFirstLease(t *testing.T) {
	for name, tc := range map[string]struct {
		refuse int
		want   string
	}{
		"this replica was first":    {0, "PUT leaderpolicies/web, POST leases/"},
		"another replica was first": {http.StatusConflict, "PUT leaderpolicies/web"},
	} {
		t.Run(name, func(t *testing.T) {
			p := policy()
			p.Spec.Mode = v1alpha1.ModeParticipant
			c := cached{"leaderpolicies/web": p}
			w := &wire{live: c, refuse: func(s sent) int {
				if s.resource == "leaderpolicies" {
					return tc.refuse
				}
				return 0
			}}
			decideOnce(t, reconciler(t, w, c))
			var writes []string
			for _, s := range w.writes {
				writes = append(writes, s.String())
			}
			if got := strings.Join(writes[:min(len(writes), 2)], ", "); got != tc.want {
				t.Errorf("sent %s, want %s", got, tc.want)
			}
		})
	}
}

func TestALeaseThatZenLeadHoldsIsGivenUpForMembersThatContend(t *testing.T) {
	o := contending("", member("a"))
	setLease(&o, observed("a").Record)
	o.Program.lease, o.Program.record = o.Lease, o.Record
	if p := Decide(o, epoch); !p.RereadPolicy || p.Record != nil {
		t.Fatalf("plan %+v, want the policy to be read first", p)
	}
	o.PolicyLive = true
	if p := Decide(o, epoch); p.Record == nil || p.Record.Held() || p.Record.Term() != 101 || p.Status != nil || p.Roles != nil {
		t.Errorf("plan %+v, want only that the Lease is emptied", p)
	}
}

func TestALeaseOfAMemberThatContendedIsNeverTakenWhileItMayBeValid(t *testing.T) {
	for name, leave := range map[string]func(*Observed){
		"the mode is controller": func(o *Observed) { o.Policy.Spec.Mode = "" },
		"the policy is gone":     func(o *Observed) { o.Policy = nil },
	} {
		t.Run(name, func(t *testing.T) {
			o := contending("a", member("a"), member("b"))
			o.PolicyLive, o.Program = true, nil
			leave(&o)
			o.LeaseUnchangedFor = 15 * time.Second
			p := Decide(o, epoch)
			if p.Record != nil || p.After != 750*time.Millisecond {
				t.Fatalf("record %+v, after %v", p.Record, p.After)
			}
			bare := o
			if bare.Members = nil; o.Policy == nil && Decide(bare, epoch).forgettable {
				t.Error("how long it was seen unchanged would be forgotten")
			}
			if p.Status != nil && !strings.Contains(conditionOf(t, p.Status, "LeaseContended").Message, "mode participant") {
				t.Errorf("status %+v", p.Status)
			}
			o.LeaseUnchangedFor = 15750 * time.Millisecond
			o.Verified = []string{"a", "b"}
			p = Decide(o, epoch)
			if p.Record == nil || p.Record.Held() && p.Record.Term() != 102 {
				t.Fatalf("record %+v once it has expired", p.Record)
			}
			l := leaseWith(o.Lease, *p.Record, epoch)
			if r, _, err := kube.RecordOf(l); err != nil || r.Holder.UID != p.Record.Holder.UID {
				t.Errorf("it is read as %+v (%v): the mark of a process is left", r, err)
			}
		})
	}
}

func TestAContendingPoolIsExplained(t *testing.T) {
	o := statusNames(prefersB(contending("a", member("a"))), "a", 7)
	pods := []corev1.Pod{*memberPod("a", corev1.ConditionFalse), *memberPod("b", corev1.ConditionTrue), *memberPod("c", corev1.ConditionFalse)}
	want := []string{
		"leads: it holds Lease web, although it is not ready, weight 0: no entry fits",
		"may contend, or be handed the lead, weight 0: no entry fits", "may contend, but is not ready: the lead is not handed to it",
	}
	for i, e := range Explain(o.Policy, pods, nil) {
		if e.Why != want[i] {
			t.Errorf("%s %s, want %s", e.Name, e.Why, want[i])
		}
	}
}

func TestWhatOnlyMembersThatContendObeyIsToldElsewhere(t *testing.T) {
	for name, tc := range map[string]struct {
		set  func(*v1alpha1.LeaderPolicySpec)
		want string
	}{
		"none are set": {func(*v1alpha1.LeaderPolicySpec) {}, ""},
		"of a Lease":   {func(s *v1alpha1.LeaderPolicySpec) { s.LeaseDurationSeconds = new(int32(20)) }, "spec.leaseDurationSeconds: "},
		"of renewals":  {func(s *v1alpha1.LeaderPolicySpec) { s.RenewDeadlineSeconds = new(int32(9)) }, "spec.renewDeadlineSeconds: "},
		"of tries":     {func(s *v1alpha1.LeaderPolicySpec) { s.RetryPeriodSeconds = new(int32(1)) }, "spec.retryPeriodSeconds: "},
		"of proofs":    {func(s *v1alpha1.LeaderPolicySpec) { s.Failover = &v1alpha1.Failover{ProofOfDeath: new(true)} }, "spec.failover.proofOfDeath: "},
		"of taints": {func(s *v1alpha1.LeaderPolicySpec) {
			s.Failover = &v1alpha1.Failover{OutOfServiceTaint: new(false)}
		}, "spec.failover.outOfServiceTaint: "},
		"of proofs where members contend": {func(s *v1alpha1.LeaderPolicySpec) {
			s.Mode, s.Failover = v1alpha1.ModeParticipant, &v1alpha1.Failover{ProofOfDeath: new(false), OutOfServiceTaint: new(true)}
		}, ""},
		"where members contend": {func(s *v1alpha1.LeaderPolicySpec) {
			s.Mode, s.RetryPeriodSeconds = v1alpha1.ModeParticipant, new(int32(1))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := observed("a", member("a"))
			tc.set(&o.Policy.Spec)
			if c := fieldsUnused(o); !strings.HasPrefix(c.Message, tc.want) || (c.Status == "True") != (tc.want != "") {
				t.Errorf("condition %+v, want %q", c, tc.want)
			}
		})
	}
}
