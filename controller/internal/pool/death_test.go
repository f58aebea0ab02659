package pool

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/controller/internal/node"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

// accepts lets the policy take the taint of a node for proof.
func accepts(o *Observed) {
	o.Policy.Spec.Failover = &v1alpha1.Failover{OutOfServiceTaint: new(true)}
}

// fencedFor puts the holder's pod on a node that is vouched to be off, which this process has known for some time.
func fencedFor(d time.Duration) func(*Observed) {
	return func(o *Observed) { o.Place = &place{pod: "a", off: true, taintedFor: d} }
}

func TestATaintFreesTheLeaseOfAHolderWhereThePolicyAcceptsIt(t *testing.T) {
	read := func(o *Observed) { o.rereads, o.Live = 1, true }
	verified := func(o *Observed) { o.Verified = []string{"a"} }
	silentFor := func(d time.Duration) func(*Observed) {
		return func(o *Observed) { o.Program.unchangedFor = d }
	}
	of := func(members []Member, changes ...func(*Observed)) Observed {
		o := contending("a", members...)
		for _, c := range changes {
			c(&o)
		}
		return o
	}
	here, gone := []Member{member("a", on(node.OutOfService)), member("b")}, []Member{member("b")}
	now := fencedFor(0)
	for name, tc := range map[string]struct {
		observed             Observed
		reread, verify, done bool
	}{
		"the Lease is read first":                                  {of(here, accepts, now), true, false, false},
		"pod and node after it":                                    {of(here, accepts, now, read), false, true, false},
		"then the Lease is emptied":                                {of(here, accepts, now, read, verified), false, false, true},
		"also that of a pod which is gone":                         {of(gone, accepts, now, read, verified), false, false, true},
		"which is looked for like any other":                       {of(gone, accepts, now, read), false, true, false},
		"not where the policy does not say so":                     {of(here, now, read, verified), false, false, false},
		"nor where it says the contrary":                           {of(here, accepts, func(o *Observed) { *o.Policy.Spec.Failover.OutOfServiceTaint = false }, now, read, verified), false, false, false},
		"not where nobody vouches for the node":                    {of(here, accepts, now, func(o *Observed) { o.Place.off = false }, read, verified), false, false, false},
		"not where nobody knows where the pod ran that is gone":    {of(gone, accepts, read, verified), false, false, false},
		"a pod that is gone proves nothing":                        {of(gone, accepts, now, func(o *Observed) { o.Place.off = false }, read, verified), false, false, false},
		"a holder that was silent since before the taint was seen": {of(here, accepts, fencedFor(3*time.Second), silentFor(4*time.Second), read, verified), false, false, true},
		"not one that gave a sign of life after it":                {of(here, accepts, fencedFor(3*time.Second), silentFor(2*time.Second), read, verified), false, false, false},
		"what kubelets report is another matter": {
			of(here, accepts, func(o *Observed) { o.Policy.Spec.Failover.ProofOfDeath = new(false) }, now, read, verified), false, false, true},
		"nor a stranger's Lease": {anElector(of(here, accepts, now, read, verified), "a_1"), false, false, false},
		"nor that of a process which did not tell its pod": {
			but(of(here, accepts, now, read, verified), func(o *Observed) { setRecord(o, term.Holder{Identity: "a", Process: term.Process{ID: "p"}}) }), false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(tc.observed, epoch)
			if p.Reread != tc.reread || slices.Equal(p.Verify, []string{"a"}) != tc.verify || (p.Record != nil) != tc.done {
				t.Fatalf("plan %+v", p)
			}
			if tc.done && (p.Record.Held() || p.Record.Term() != 101) {
				t.Errorf("record %+v", p.Record)
			}
		})
	}
}

func TestAControllerThatMayNotLookAtNodesSaysThatNoTaintProvesAnything(t *testing.T) {
	for name, tc := range map[string]struct {
		set  *bool
		want bool
	}{"the taint is accepted": {new(true), true}, "it is not": {new(false), false}, "nothing is said": {nil, false}} {
		t.Run(name, func(t *testing.T) {
			o := contending("a", member("a"))
			o.NoNodes, o.Policy.Spec.Failover = true, &v1alpha1.Failover{OutOfServiceTaint: tc.set, ProofOfDeath: new(true)}
			c := fieldsUnused(o)
			if (c.Reason == v1alpha1.ReasonNodesUnknown) != tc.want || strings.HasPrefix(c.Message, "spec.failover.outOfServiceTaint: ") != tc.want {
				t.Errorf("condition %+v", c)
			}
		})
	}
}
