package pool

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

func TestStatus(t *testing.T) {
	for name, tc := range map[string]struct {
		observed   Observed
		phase      v1alpha1.Phase
		holder     string
		candidates int32
		reasons    map[string]string
	}{
		"a candidate leads": {
			observed("a", member("a"), member("b"), member("c", unready)), v1alpha1.PhaseStable, "a", 2,
			map[string]string{"LeaderElected": "LeaderReady", "CandidatesAvailable": "MembersReady"}},
		"a leader is kept": {
			observed("a", member("a", unready)), v1alpha1.PhaseStable, "a", 0,
			map[string]string{"LeaderElected": "LeaderKept", "CandidatesAvailable": "NoneReady"}},
		"nobody may lead": {
			observed("", member("a", unready)), v1alpha1.PhaseElecting, "", 0,
			map[string]string{"LeaderElected": "NoCandidate", "CandidatesAvailable": "NoneReady"}},
		"there are no members": {
			observed(""), v1alpha1.PhaseElecting, "", 0,
			map[string]string{"LeaderElected": "NoCandidate", "CandidatesAvailable": "NoMembers"}},
		"the Lease is somebody else's": {
			foreignLease(observed("", member("a")), "other"), v1alpha1.PhaseElecting, "", 1,
			map[string]string{"LeaderElected": "ForeignLease", "CandidatesAvailable": "MembersReady", "LeaseContended": "ForeignRecord"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := Decide(tc.observed, epoch).Status
			holder := ""
			if s.CurrentHolder != nil {
				holder = s.CurrentHolder.Name
			}
			if s.Phase != tc.phase || holder != tc.holder || *s.Candidates != tc.candidates || s.Guarantee != v1alpha1.GuaranteeAdvisory {
				t.Errorf("status %+v", s)
			}
			if len(s.Conditions) != len(tc.reasons) {
				t.Errorf("conditions %+v, want %v", s.Conditions, tc.reasons)
			}
			for _, c := range s.Conditions {
				if c.Reason != tc.reasons[c.Type] || c.ObservedGeneration != 1 || c.Message == "" {
					t.Errorf("condition %+v, want reason %q", c, tc.reasons[c.Type])
				}
			}
		})
	}
}

func TestStatusIsWrittenOnlyWhenItDiffers(t *testing.T) {
	o := observed("a", member("a"))
	carryOut(&o, Decide(o, epoch))
	if p := Decide(o, epoch.Add(time.Hour)); p.Status != nil {
		t.Errorf("written again: %+v", p.Status)
	}
}

func TestAConditionThatHealedGoes(t *testing.T) {
	o := observed("a", member("a"))
	carryOut(&o, Decide(foreignLease(o, "other"), epoch))
	if meta.FindStatusCondition(o.Policy.Status.Conditions, v1alpha1.ConditionLeaseContended) == nil {
		t.Fatal("the condition was not there")
	}
	s := Decide(o, epoch).Status
	if meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionLeaseContended) != nil {
		t.Errorf("conditions %+v", s.Conditions)
	}
}

func TestTheTermDoesNotFallWhenTheLeaseIsLostWhileNobodyMayLead(t *testing.T) {
	o := observed("", member("a", unready))
	carryOut(&o, Decide(o, epoch))
	s := Decide(justMade(o), epoch).Status
	if s != nil && s.Term != 101 {
		t.Errorf("term %d, want 101", s.Term)
	}
}

func TestTheTermBeganWhenTheLeaseSaysSo(t *testing.T) {
	o := observed("a", member("a"))
	s := Decide(o, epoch.Add(time.Hour)).Status
	if !s.CurrentHolder.StartTime.Equal(&metav1.MicroTime{Time: epoch}) || !s.LastTransitionTime.Equal(&metav1.MicroTime{Time: epoch}) || s.Term != 101 {
		t.Errorf("status %+v", s)
	}
}

func TestEvents(t *testing.T) {
	conflict := existing(observed("a", member("a")), port("http", 8080))
	conflict.Service.Labels, conflict.Service.OwnerReferences = nil, nil
	selected := existing(observed("a", member("a", ports())))
	selected.Service.Spec.Selector = map[string]string{"app": "web"}
	portless := existing(observed("a", member("a")), port("nope", 8080))
	for name, tc := range map[string]struct {
		observed Observed
		reason   string
		contains string
	}{
		"a leader is elected":             {observed("", member("a")), EventLeaderElected, "a leads in term 102"},
		"a leader moves":                  {observed("a", member("b")), EventLeaderElected, "b leads in term 102, after a: its pod is gone"},
		"a leader is lost":                {observed("a"), EventLeaderLost, "a led until now"},
		"a selector was set":              {selected, EventServiceEdited, "followers"},
		"a port has no target":            {portless, EventPortMissing, "a has no port named nope"},
		"a Service is in the way":         {conflict, v1alpha1.ConditionServiceConflict, "spec.service.name"},
		"a Lease is somebody else's":      {foreignLease(observed("", member("a")), "other"), v1alpha1.ConditionLeaseContended, `"other"`},
		"a member has an unreadable join": {observed("a", member("a"), member("b", excluded, func(m *Member) { m.BadJoin = "maybe" })), EventInvalidJoin, `"maybe"`},
	} {
		t.Run(name, func(t *testing.T) {
			events := Decide(tc.observed, epoch).Events
			if len(events) != 1 || events[0].Reason != tc.reason || !strings.Contains(events[0].Note, tc.contains) {
				t.Errorf("events %+v, want %s with %q", events, tc.reason, tc.contains)
			}
		})
	}
}

func TestWhatIsKnownIsNotToldAgain(t *testing.T) {
	o := foreignLease(observed("", member("a")), "other")
	carryOut(&o, Decide(o, epoch))
	if events := Decide(o, epoch).Events; events != nil {
		t.Errorf("events %+v", events)
	}
}
