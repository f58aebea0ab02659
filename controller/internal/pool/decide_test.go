package pool

import (
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

// wanted is what a test expects of a plan: who leads, and what becomes of the Lease.
type wanted struct {
	leader string
	// holder is the new holder that is written; "" means that the Lease is left alone, "-" that it is emptied.
	holder string
	reason string
	term   int64
}

func TestWhoLeads(t *testing.T) {
	for name, tc := range map[string]struct {
		observed Observed
		want     wanted
	}{
		"the oldest ready member leads where nobody did": {
			observed("", member("b"), member("a"), member("c")), wanted{"a", "a", "nobody led", 102}},
		"an unready member does not come first": {
			observed("", member("a", unready), member("b")), wanted{"b", "b", "nobody led", 102}},
		"nobody leads where nobody is ready": {
			observed("", member("a", unready)), wanted{"", "", "", 101}},
		"nobody leads without members": {
			observed(""), wanted{"", "", "", 101}},
		"the leader stays although an older member is ready": {
			observed("b", member("a"), member("b")), wanted{"b", "", "", 101}},
		"the leader is gone": {
			observed("a", member("b"), member("c")), wanted{"b", "b", string(ReasonGone), 102}},
		"the leader is gone and nobody is ready": {
			observed("a", member("b", unready)), wanted{"", "-", string(ReasonGone), 101}},
		"the leader is not ready": {
			observed("a", member("a", unready), member("b")), wanted{"b", "b", string(ReasonNotReady), 102}},
		"all are unready and the leader stays": {
			observed("b", member("a", unready), member("b", unready)), wanted{"b", "", "", 101}},
		"the leader is being deleted": {
			observed("a", member("a", terminating), member("b")), wanted{"b", "b", string(ReasonTerminating), 102}},
		"the leader is being deleted and nobody else is ready, so it stays as long as it runs": {
			observed("a", member("a", terminating), member("b", unready)), wanted{"a", "", "", 101}},
		"the leader has ended": {
			observed("a", member("a", terminal), member("b")), wanted{"b", "b", string(ReasonTerminal), 102}},
		"the leader has ended and nobody else is ready": {
			observed("a", member("a", terminal), member("b", unready)), wanted{"", "-", string(ReasonTerminal), 101}},
		"the leader was excluded": {
			observed("a", member("a", excluded), member("b")), wanted{"b", "b", string(ReasonExcluded), 102}},
		"the leader was excluded and nobody else is ready": {
			observed("a", member("a", excluded)), wanted{"", "-", string(ReasonExcluded), 101}},
		"a pod of the leader's name with another UID is somebody else": {
			observed("a", member("a", uid("new"))), wanted{"a", "a", string(ReasonReplaced), 102}},
		"a member whose name begins with the leader's is somebody else": {
			observed("a", member("a-b")), wanted{"a-b", "a-b", string(ReasonGone), 102}},
		"a Lease that was just made goes to the oldest where nobody is known to have led": {
			justMade(observed("", member("a"), member("b"))), wanted{"a", "a", "nobody led", 501}},
		"a Lease that was deleted goes to the leader again, above every known term": {
			justMade(observed("", member("a"), member("b", role("leader", 900)))), wanted{"b", "b", string(ReasonLost), 902}},
		"a Lease that was deleted does not move an unready leader when nobody is ready": {
			justMade(observed("", member("a", unready), member("b", unready, role("leader", 900)))), wanted{"b", "b", string(ReasonLost), 902}},
		"a Lease that was deleted goes to another if the leader is not ready": {
			justMade(observed("", member("a"), member("b", unready, role("leader", 900)))), wanted{"a", "a", string(ReasonLost), 902}},
	} {
		t.Run(name, func(t *testing.T) {
			checkPlan(t, tc.observed, Decide(tc.observed, epoch), tc.want)
		})
	}
}

func checkPlan(t *testing.T, o Observed, p Plan, want wanted) {
	t.Helper()
	var got wanted
	if p.Leader != nil {
		got.leader = p.Leader.Name
	}
	record := o.Record
	if p.Record != nil {
		if record = *p.Record; record.Held() {
			got.holder = record.Holder.Identity
		} else {
			got.holder = "-"
		}
		o = o.identified()
		o.weigh()
		got.reason = string(elect(o).reason)
	}
	got.term = int64(record.Term())
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTheFirstLeaseIsCreatedAndNothingElseIsPlanned(t *testing.T) {
	o := observed("", member("a"))
	o.Lease, o.Record, o.Ours = nil, term.Record{}, false
	if p := Decide(o, epoch); !p.Create || p.Record != nil || p.Roles != nil || p.Status != nil {
		t.Errorf("plan %+v", p)
	}
}

func TestSomebodyElsesLease(t *testing.T) {
	ready := []Member{member("a"), member("b")}
	for name, tc := range map[string]struct {
		observed Observed
		reason   string
		wait     time.Duration
		leader   string
	}{
		"a Lease without base is never taken over": {
			foreignLease(observed("", ready...), "other"), v1alpha1.ReasonForeignRecord, 0, ""},
		"a Lease without base is not taken over when it is empty either": {
			foreignLease(observed("", ready...), ""), v1alpha1.ReasonForeignRecord, 0, ""},
		"a Lease without base is not taken over when nobody renews it either": {
			takenByStranger(foreignLease(observed("", ready...), ""), "other", 10, time.Hour), v1alpha1.ReasonForeignRecord, 0, ""},
		"a stranger on our Lease is waited for, with margin": {
			takenByStranger(observed("a", ready...), "other", 10, 4*time.Second), v1alpha1.ReasonForeignHolder, 6500 * time.Millisecond, ""},
		"a stranger on a Lease that we made and that had no leader yet is waited for too": {
			takenByStranger(justMade(observed("", ready...)), "other", 10, 4*time.Second), v1alpha1.ReasonForeignHolder, 6500 * time.Millisecond, ""},
		"a stranger who stopped renewing is replaced": {
			takenByStranger(observed("a", ready...), "other", 10, 10500*time.Millisecond), "", 0, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(tc.observed, epoch)
			if tc.reason == "" {
				if p.Leader == nil || p.Leader.Name != tc.leader || p.Record.Term() != 103 {
					t.Errorf("leader %+v, record %+v", p.Leader, p.Record)
				}
				return
			}
			if p.Record != nil || p.Leader != nil || p.After != tc.wait {
				t.Errorf("record %+v, leader %+v, after %v; want none and %v", p.Record, p.Leader, p.After, tc.wait)
			}
			found := false
			for _, c := range p.Status.Conditions {
				found = found || c.Type == v1alpha1.ConditionLeaseContended && c.Reason == tc.reason
			}
			if !found {
				t.Errorf("conditions %+v lack %s", p.Status.Conditions, tc.reason)
			}
		})
	}
}

func TestAPolicyThatIsGoneIsUndone(t *testing.T) {
	o := observed("a", member("a", role("leader", 101)), member("b", role("follower", 101)), member("c"))
	o.Policy = nil
	if p := Decide(o, epoch); !p.RereadPolicy || p.destroys() {
		t.Fatalf("plan %+v, want to ask the API server for the policy first: its watch may lag", p)
	}
	o.PolicyLive = true
	p := Decide(o, epoch)
	if p.Record == nil || p.Record.Held() || p.Record.Term() != 101 {
		t.Errorf("record %+v, want it empty and of term 101", p.Record)
	}
	if len(p.Roles) != 2 || p.Roles[0].Role != "" || p.Roles[1].Role != "" {
		t.Errorf("roles %+v, want those of a and b taken off", p.Roles)
	}
	if len(p.Events) != 3 || p.Events[0].Reason != EventPolicyMissing {
		t.Errorf("events %+v, want %s on each", p.Events, EventPolicyMissing)
	}
}

func TestAStrangersRecordOutlivesThePolicy(t *testing.T) {
	o := takenByStranger(observed("a", member("a", role("leader", 101))), "other", 10, time.Hour)
	o.Policy, o.PolicyLive = nil, true
	if p := Decide(o, epoch); p.Record != nil || len(p.Roles) != 1 {
		t.Errorf("record %+v, roles %+v; want the role of a taken off and no more", p.Record, p.Roles)
	}
}

func TestALeaderWhoseLeaseIsAnothersNowHasNeitherTrafficNorRole(t *testing.T) {
	o := existing(observed("a", member("a", role("leader", 101)), member("b", role("follower", 101))), port("http", 8080))
	carryOut(&o, Decide(o, epoch))
	o = foreignLease(o, "other")
	o.Confirmed = true
	p := Decide(o, epoch)
	if len(p.Slices) != 1 || len(p.Slices[0].Endpoints) != 0 {
		t.Errorf("slices %+v, want one without endpoints", p.Slices)
	}
	if len(p.Roles) != 1 || p.Roles[0].Member.Name != "a" || p.Roles[0].Role != "follower" {
		t.Errorf("roles %+v, want a follower", p.Roles)
	}
}

func TestAStrangerWhoCameFirstAndLeftDoesNotKeepThePoolWithoutLeader(t *testing.T) {
	o := takenByStranger(justMade(observed("", member("a"))), "other", 10, 0)
	o.Record.Holder, o.Lease.Spec.HolderIdentity = term.Holder{}, nil // released
	if p := Decide(o, epoch); p.Leader == nil || p.Record == nil || p.Record.Base != 500 {
		t.Errorf("leader %+v, record %+v", p.Leader, p.Record)
	}
}

func TestAStatusOfALargerTermIsNotOverwritten(t *testing.T) {
	o := observed("a", member("a", role("leader", 101)))
	o.Policy.Status.Term = 102 // another replica moved on; our watch of Leases lags behind that of policies
	if p := Decide(o, epoch); !p.Reread || p.Status != nil {
		t.Errorf("plan %+v, want to read the Lease again", p)
	}
}

func TestASliceOfALargerTermIsNotOverwritten(t *testing.T) {
	o := existing(sliceNames(observed("a", member("a", role("leader", 101)), member("b")), "b", 102), port("http", 8080))
	if p := Decide(o, epoch); !p.Reread || p.Slices != nil {
		t.Errorf("plan %+v, want to read the Lease again", p)
	}
}

func TestALeaderWhoseLeaseSomebodyGaveADurationIsGrantedAnew(t *testing.T) {
	o := takenByStranger(observed("a", member("a"), member("b")), "a", 15, 16*time.Second)
	p := Decide(o, epoch)
	if p.Leader == nil || p.Leader.Name != "a" || p.Record == nil || p.Record.Holder.UID != "ua" {
		t.Errorf("leader %+v, record %+v; want a to be written again", p.Leader, p.Record)
	}
}

func TestALargerTermThanTheLeaseIsReadAgainBeforeItIsRepaired(t *testing.T) {
	o := observed("a", member("a", role("leader", 101)), member("b", role("leader", 5000)))
	if p := Decide(o, epoch); !p.Reread || p.Roles != nil || p.Status != nil {
		t.Fatalf("plan %+v, want to read the Lease again and nothing else", p)
	}
	o.Live = true
	p := Decide(o, epoch)
	if len(p.Roles) != 1 || p.Roles[0].Member.Name != "b" || p.Roles[0].Role != "follower" || p.Roles[0].Term != 101 {
		t.Errorf("roles %+v, want b follower of term 101", p.Roles)
	}
}

// FuzzDecide decides about pools whose members change at random, writes what was decided, and checks what must never
// happen: two leaders, a leader without its term, a term that falls, a demotion with nobody to move to, and a second
// decision that still wants something.
func FuzzDecide(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8})
	f.Add([]byte{0x0f, 0xf0, 0x33, 0xcc, 0x00, 0xff})
	f.Fuzz(func(t *testing.T, seed []byte) {
		o := observed("", member("a"), member("b"), member("c"))
		for step, s := range seed {
			before := o.Record
			was := holderOf(o)
			mutate(o.Members, s)
			p := Decide(o, epoch.Add(time.Duration(step)*time.Second))
			checkInvariants(t, o, p, was)
			carryOut(&o, p)
			if o.Record.Term() < before.Term() {
				t.Fatalf("step %d: term fell from %d to %d", step, before.Term(), o.Record.Term())
			}
			if again := Decide(o, epoch); again.Record != nil || again.Roles != nil || again.Slices != nil {
				t.Fatalf("step %d: a second decision wants more: %+v", step, again)
			}
		}
	})
}

func mutate(members []Member, s byte) {
	m := &members[int(s)%len(members)]
	switch s >> 2 & 7 {
	case 0, 1, 2:
		m.Ready = !m.Ready
	case 3:
		m.Terminating = !m.Terminating
	case 4:
		m.Excluded = !m.Excluded
	case 5: // made again under the same name
		*m = member(m.Name, uid(string(m.UID)+"'"))
	case 6:
		m.Role = Role{}
	case 7:
		role("leader", 100)(m)
	}
}

func checkInvariants(t *testing.T, o Observed, p Plan, was *Member) {
	t.Helper()
	if p.Record != nil && p.Record.Held() != (p.Leader != nil) {
		t.Fatalf("record %+v and leader %+v differ", p.Record, p.Leader)
	}
	if p.Leader == nil && was != nil && was.MayStay() && was.Holder() == o.Record.Holder {
		t.Fatalf("%s was demoted with nobody to move to", was.Name)
	}
	if p.Leader != nil && !p.Leader.Candidate() && countCandidates(o.Members) > 0 {
		t.Fatalf("%s leads although a candidate is there", p.Leader.Name)
	}
	for _, w := range p.Roles {
		if w.Role == v1alpha1.RoleLeader && (p.Leader == nil || w.Member.UID != p.Leader.UID) {
			t.Fatalf("%s becomes leader and %+v leads", w.Member.Name, p.Leader)
		}
	}
}
