package pool

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/kube-zen/zen-lead/controller/internal/node"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

// naming lets the Lease name a successor, as this process has seen for a while.
func naming(o Observed, successor string, lasted time.Duration) Observed {
	o.Lease = leaseNaming(o.Lease, successor)
	o.Record.Successor = successor
	o.Asked = ask{successor: successor, term: o.Record.Term(), lasted: lasted}
	return o
}

// namedBefore lets this process remember a successor that the Lease named in a term.
func namedBefore(o Observed, successor string, t term.Number) Observed {
	o.Asked = ask{successor: successor, term: t}
	return o
}

func prefersB(o Observed) Observed {
	o.Policy.Spec.Preference = &v1alpha1.Preference{
		Weights:  []v1alpha1.PreferenceWeight{{Weight: new(int32(10)), PodLabels: map[string]string{"best": "yes"}}},
		FailBack: &v1alpha1.FailBack{AfterSeconds: 60},
	}
	for i := range o.Members {
		if o.Members[i].CandidateFor = time.Hour; o.Members[i].Name == "b" {
			o.Members[i].Labels = map[string]string{"best": "yes"}
		}
	}
	o.TermFor = time.Hour
	return o
}

func declined(m *Member) { m.Declined = true }

func TestWhomTheLeaseIsToNameAsSuccessor(t *testing.T) {
	const keep = "(as it is)"
	ab := func(changes ...func(*Member)) Observed { return contending("a", member("a"), member("b", changes...)) }
	for name, tc := range map[string]struct {
		observed Observed
		// successor is what is written, "" where the name is taken off.
		successor string
		// reason and message are those of condition Handover, "" for none; the request is answered unless it is pending.
		reason, message string
	}{
		"nobody while all is well": {ab(), keep, "", ""},
		"whom a handover is asked to": {
			asked(ab(), "b"), "b", "Pending", "b: leads once the work of a has ended"},
		"also where another was named": {
			asked(naming(contending("a", member("a"), member("b"), member("c")), "c", 0), "b"), "b", "Pending", "b: leads once the work of a has ended"},
		"it stays while the leader ends its work": {
			asked(naming(ab(), "b", 29*time.Second), "b"), keep, "Pending", "b: leads once the work of a has ended"},
		"and while nobody holds the Lease": {
			asked(naming(contending("", member("b")), "b", time.Second), "b"), keep, "Pending", "b: leads once it takes the Lease, which nobody holds"},
		"the handover is done once it leads": {
			asked(namedBefore(contending("b", member("a"), member("b")), "b", 100), "b"), keep, "Done", "b: leads in term 101"},
		"it is given up after twice the duration": {
			asked(naming(ab(), "b", 30*time.Second), "b"), "", "Refused", "b: not handed over: a did not give the lead up within 30s"},
		"also where nobody took it": {
			asked(naming(contending("", member("b")), "b", 30*time.Second), "b"), "", "Refused", "b: not handed over: it did not take the lead within 30s"},
		"it is not named again where another was quicker": {
			asked(namedBefore(contending("c", member("b"), member("c")), "b", 100), "b"), keep, "Refused",
			"b: not handed over: it was named, and did not take the lead; c did"},
		"nor where somebody took the name off": {
			asked(namedBefore(ab(), "b", 101), "b"), keep, "Refused", "b: not handed over: it is named on the Lease no more"},
		"it is taken off when the successor cannot lead any more": {
			asked(naming(ab(unready), "b", time.Second), "b"), "", "Refused", "b: not handed over: it is not ready"},
		"and when the request is": {
			but(naming(ab(), "b", time.Second), func(o *Observed) {
				h := handover{to: "b", pending: "x", target: &Member{}}
				meta.SetStatusCondition(&o.Policy.Status.Conditions, h.outcome(o.Record))
			}), "", "Refused", "b: not handed over: the request was taken off"},
		"and when the pool is paused": {
			paused(asked(naming(ab(), "b", time.Second), "b")), "", "Refused", "b: not handed over: the pool is paused (spec.paused)"},
		"an elector that is not zen-lead's cannot be asked": {
			asked(anElector(ab(), "a_1"), "b"), keep, "Refused", "b: not handed over: Lease web is in the hands of an elector that is not zen-lead's"},
		"a pool that nobody led yet neither": {
			asked(but(contending("", member("b")), func(o *Observed) { *o = justMade(*o); o.Live = true }), "b"), keep, "Refused",
			"b: not handed over: nobody has led yet: a process that contends (lead.Run) can be asked"},

		"a leader that is not ready stays":                  {contending("a", member("a", unready), member("b")), keep, "", ""},
		"one on a node that is silent too":                  {contending("a", member("a", on(node.Silent)), member("b")), keep, "", ""},
		"one on a node that is drained hands over":          {contending("a", member("a", on(node.Leaving)), member("b")), "b", "", ""},
		"not while the pool is paused":                      {paused(contending("a", member("a", on(node.Leaving)), member("b"))), keep, "", ""},
		"nor to one that did not take it before":            {contending("a", member("a", on(node.Leaving)), member("b", declined)), keep, "", ""},
		"an elector that is not zen-lead's is not asked to": {anElector(contending("a", member("a", on(node.Leaving)), member("b")), "a_1"), keep, "", ""},
		"one that is excluded hands over":                   {contending("a", member("a", excluded), member("b")), "b", "", ""},
		"one of less weight hands over":                     {prefersB(ab()), "b", "", ""},
		"not before it has led for long enough":             {but(prefersB(ab()), func(o *Observed) { o.TermFor = time.Second }), keep, "", ""},
		"not where the pool has moved too often": {
			but(prefersB(ab()), func(o *Observed) { o.Moved = make([]time.Duration, mostMoves) }), keep, "", ""},
		"whom somebody else named is not disputed": {naming(prefersB(contending("a", member("a"), member("b"), member("c"))), "c", 0), keep, "", ""},
		"but is after a while":                     {naming(contending("a", member("a"), member("b")), "b", 30*time.Second), "", "", ""},
		"or when it is not ready":                  {naming(ab(unready), "b", 0), "", "", ""},
		"or when it is gone":                       {naming(contending("a", member("a")), "b", 0), "", "", ""},
		"or leads":                                 {naming(contending("a", member("a")), "a", 0), "", "", ""},
		"or the pool is paused":                    {paused(naming(ab(), "b", 0)), "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(tc.observed, epoch)
			if p.reads() {
				t.Fatalf("plan %+v", p)
			}
			successor := keep
			if p.Successor != nil {
				successor = *p.Successor
			}
			if successor != tc.successor || p.Record != nil {
				t.Errorf("successor %q, record %+v; want %q", successor, p.Record, tc.successor)
			}
			if pending := tc.successor != keep && tc.successor != "" || tc.reason == "Pending"; pending && (p.After <= 0 || p.After > 30*time.Second) {
				t.Errorf("after %v: it must not be waited for in vain", p.After)
			}
			if tc.reason == "" {
				if p.Answered != nil || meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionHandover) != nil {
					t.Errorf("answered %v, status %+v", p.Answered, p.Status)
				}
				return
			}
			c := conditionOf(t, p.Status, v1alpha1.ConditionHandover)
			_, requested := tc.observed.requested()
			if c.Reason != tc.reason || c.Message != tc.message || (p.Answered != nil) != (requested && tc.reason != "Pending") {
				t.Errorf("%s %q, answered %v; want %s %q", c.Reason, c.Message, p.Answered, tc.reason, tc.message)
			}
		})
	}
}

func TestAMemberThatDidNotTakeTheLeadIsNotAskedAgainUnlessItLeads(t *testing.T) {
	var m memory
	hear := func(o Observed, successor string, t term.Number) bool {
		o.Record.Successor, o.Record.Transitions = successor, int32(t-100)
		m.hear(&o, epoch)
		return o.Members[1].Declined
	}
	a, b := contending("a", member("a"), member("b")), contending("b", member("a"), member("b"))
	for _, step := range []struct {
		name      string
		observed  Observed
		successor string
		term      term.Number
		declined  bool
	}{
		{"it is named", a, "b", 101, false},
		{"it takes the lead", b, "", 102, false},
		{"it is named again", a, "b", 103, false},
		{"another takes it", a, "", 104, true},
		{"it leads after all", b, "", 105, false},
	} {
		if got := hear(step.observed, step.successor, step.term); got != step.declined {
			t.Errorf("%s: declined %v", step.name, got)
		}
	}
}

func TestAHandoverToAMemberThatContendsIsJudgedByThePodAsItIs(t *testing.T) {
	o := asked(contending("a", member("a"), member("b", unready)), "b")
	o.Verified = nil
	if p := Decide(o, epoch); len(p.Verify) != 1 || p.Verify[0] != "b" || p.Answered != nil || p.Successor != nil {
		t.Errorf("plan %+v; want b to be read first", p)
	}
}

func TestAPausedPoolWhoseMembersContendSaysSo(t *testing.T) {
	for leader, want := range map[string]string{
		"a": "a leads, and the lead does not move while spec.paused is true", "": "nobody leads, and nobody is elected while spec.paused is true",
	} {
		c := conditionOf(t, Decide(paused(contending(leader, member("a"))), epoch).Status, v1alpha1.ConditionLeaderElected)
		if c.Reason != v1alpha1.ReasonPaused || c.Message != want {
			t.Errorf("%s: %q, want %q", c.Reason, c.Message, want)
		}
	}
}
