package pool

import (
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// zone puts a member into a zone, of which policies of prefers want "best" most.
func zone(z string) func(*Member) {
	return func(m *Member) { m.NodeLabels = map[string]string{"topology.kubernetes.io/zone": z} }
}

// trustedFor lets this process have seen a member as a candidate for that long.
func trustedFor(d time.Duration) func(*Member) {
	return func(m *Member) { m.CandidateFor = d }
}

// prefers lets the policy prefer zone "best" to zone "good" to others. failBackAfter 0 is no fail-back. The record has
// stood for an hour.
func prefers(o Observed, failBackAfter int32) Observed {
	o.Policy.Spec.Preference = &v1alpha1.Preference{Weights: []v1alpha1.PreferenceWeight{
		{Weight: new(int32(100)), Zone: "best"}, {Weight: new(int32(50)), Zone: "good"}, {Weight: new(int32(-1)), Zone: "worst"},
	}}
	if failBackAfter > 0 {
		o.Policy.Spec.Preference.FailBack = &v1alpha1.FailBack{AfterSeconds: failBackAfter}
	}
	o.LeaseUnchangedFor = time.Hour
	return o
}

func ledFor(o Observed, d time.Duration) Observed {
	o.LeaseUnchangedFor = d
	return o
}

func paused(o Observed) Observed {
	o.Policy.Spec.Paused = true
	return o
}

// moved lets this process have seen the lead move so long ago, newest first, each time away from a leader that existed.
func moved(o Observed, ago ...time.Duration) Observed {
	o.Moved, o.LastMove = ago, ago[0]
	return o
}

func atLeastBetweenMoves(o Observed, seconds int32) Observed {
	o.Policy.Spec.Failover = &v1alpha1.Failover{MinSecondsBetweenMoves: seconds}
	return o
}

func TestWhoLeadsByPreference(t *testing.T) {
	for name, tc := range map[string]struct {
		observed Observed
		want     wanted
		after    time.Duration
	}{
		"the largest weight leads where nobody did": {
			prefers(observed("", member("a"), member("b", zone("good")), member("c", zone("best"))), 0), wanted{"c", "c", "nobody led", 102}, 0},
		"a member that is not ready is not preferred": {
			prefers(observed("", member("a"), member("c", zone("best"), unready)), 0), wanted{"a", "a", "nobody led", 102}, 0},
		"a negative weight leads if nobody else can": {
			prefers(observed("", member("a", zone("worst"))), 0), wanted{"a", "a", "nobody led", 102}, 0},
		"a negative weight leads after none": {
			prefers(observed("", member("a", zone("worst")), member("b")), 0), wanted{"b", "b", "nobody led", 102}, 0},
		"of equal weights the oldest leads": {
			prefers(observed("", member("a"), member("b", zone("good")), member("c", zone("good"))), 0), wanted{"b", "b", "nobody led", 102}, 0},
		"a lost leader is replaced by the best": {
			prefers(observed("a", member("b"), member("c", zone("good"))), 0), wanted{"c", "c", string(ReasonGone), 102}, 0},
		"without fail-back a better one moves nobody": {
			prefers(observed("a", member("a"), member("b", zone("best"), trustedFor(time.Hour))), 0), wanted{"a", "", "", 101}, 0},
		"fail-back to a better one": {
			prefers(observed("a", member("a"), member("b", zone("best"), trustedFor(time.Minute))), 60), wanted{"b", "b", string(ReasonPreferred), 102}, 0},
		"not before it was a candidate for long enough": {
			prefers(observed("a", member("a"), member("b", zone("best"), trustedFor(50*time.Second))), 60), wanted{"a", "", "", 101}, 10 * time.Second},
		"nor before the leader has led for that long": {
			ledFor(prefers(observed("a", member("a"), member("b", zone("best"), trustedFor(time.Hour))), 60), 45*time.Second), wanted{"a", "", "", 101}, 15 * time.Second},
		"not to one of the same weight": {
			prefers(observed("b", member("a", zone("good"), trustedFor(time.Hour)), member("b", zone("good"))), 60), wanted{"b", "", "", 101}, 0},
		"not to one that is not ready": {
			prefers(observed("a", member("a"), member("b", zone("best"), unready)), 60), wanted{"a", "", "", 101}, 0},
		"to the better one that is trusted, and not to the best one that is not": {
			prefers(observed("a", member("a"), member("b", zone("good"), trustedFor(time.Hour)), member("c", zone("best"), trustedFor(time.Second))), 60),
			wanted{"b", "b", string(ReasonPreferred), 102}, 0},
		"from a negative weight": {
			prefers(observed("a", member("a", zone("worst")), member("b", trustedFor(time.Hour))), 60), wanted{"b", "b", string(ReasonPreferred), 102}, 0},
		"a leader that is not ready is not failed back from, it is replaced": {
			prefers(observed("a", member("a", unready), member("b", zone("best"))), 60), wanted{"b", "b", string(ReasonNotReady), 102}, 0},
		"a policy without preference has no weights": {
			observed("", member("a"), member("b", zone("best"))), wanted{"a", "a", "nobody led", 102}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(tc.observed, epoch)
			checkPlan(t, tc.observed, p, tc.want)
			if p.After != tc.after {
				t.Errorf("decides again after %s, want %s", p.After, tc.after)
			}
		})
	}
}

func TestMovesAreBounded(t *testing.T) {
	unreadyLeader := func() Observed { return observed("a", member("a", unready), member("b")) }
	six := []time.Duration{10 * time.Second, 20 * time.Second, 30 * time.Second, 40 * time.Second, 50 * time.Second, 55 * time.Second}
	stays, moves := wanted{"a", "", "", 101}, wanted{"b", "b", string(ReasonNotReady), 102}
	for name, tc := range map[string]struct {
		observed Observed
		want     wanted
		after    time.Duration
	}{
		"six moves within a minute are enough":            {moved(unreadyLeader(), six...), stays, 5 * time.Second},
		"five are not":                                    {moved(unreadyLeader(), six[:5]...), moves, 0},
		"the sixth is a minute old":                       {moved(unreadyLeader(), append(six[:5:5], time.Minute)...), moves, 0},
		"the policy wants them further apart":             {atLeastBetweenMoves(moved(unreadyLeader(), 10*time.Second), 30), stays, 20 * time.Second},
		"they are that far apart":                         {atLeastBetweenMoves(moved(unreadyLeader(), 30*time.Second), 30), moves, 0},
		"this process saw no move yet":                    {atLeastBetweenMoves(unreadyLeader(), 30), moves, 0},
		"the longer bound counts":                         {atLeastBetweenMoves(moved(unreadyLeader(), six...), 11), stays, 5 * time.Second},
		"a leader that is being deleted is replaced":      {moved(observed("a", member("a", terminating), member("b")), six...), wanted{"b", "b", string(ReasonTerminating), 102}, 0},
		"so is one that has ended":                        {moved(observed("a", member("a", terminal), member("b")), six...), wanted{"b", "b", string(ReasonTerminal), 102}, 0},
		"so is one that is excluded":                      {moved(observed("a", member("a", excluded), member("b")), six...), wanted{"b", "b", string(ReasonExcluded), 102}, 0},
		"so is one that is gone":                          {moved(observed("a", member("b")), six...), wanted{"b", "b", string(ReasonGone), 102}, 0},
		"where nobody leads somebody is elected":          {moved(observed("", member("b")), six...), wanted{"b", "b", "nobody led", 102}, 0},
		"nobody else is ready: no need to look at bounds": {moved(observed("a", member("a", unready), member("b", unready)), six...), stays, 0},
		"fail-back waits too": {
			moved(prefers(observed("a", member("a"), member("b", zone("best"), trustedFor(time.Hour))), 60), six...), stays, 5 * time.Second},
		"a handover is made at once": {
			asked(moved(observed("a", member("a"), member("b")), six...), "b"), wanted{"b", "b", string(ReasonHandover), 102}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(tc.observed, epoch)
			checkPlan(t, tc.observed, p, tc.want)
			if p.After != tc.after {
				t.Errorf("decides again after %s, want %s", p.After, tc.after)
			}
		})
	}
}

func TestALeaderThatABoundKeepsSaysSo(t *testing.T) {
	p := Decide(atLeastBetweenMoves(moved(observed("a", member("a", unready), member("b")), time.Second), 30), epoch)
	c := conditionOf(t, p.Status, v1alpha1.ConditionLeaderElected)
	if want := "a is kept although it is not ready: spec.failover.minSecondsBetweenMoves keeps it"; c.Reason != v1alpha1.ReasonLeaderKept || c.Message != want {
		t.Errorf("%s: %q, want %s: %q", c.Reason, c.Message, v1alpha1.ReasonLeaderKept, want)
	}
}

func TestAPausedPoolMovesForNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		observed Observed
		want     wanted
	}{
		"the leader is not ready":       {paused(observed("a", member("a", unready), member("b"))), wanted{"a", "", "", 101}},
		"the leader is being deleted":   {paused(observed("a", member("a", terminating), member("b"))), wanted{"a", "", "", 101}},
		"the leader is gone":            {paused(observed("a", member("b"))), wanted{"", "-", string(ReasonGone), 101}},
		"the leader has ended":          {paused(observed("a", member("a", terminal), member("b"))), wanted{"", "-", string(ReasonTerminal), 101}},
		"the leader was excluded":       {paused(observed("a", member("a", excluded), member("b"))), wanted{"", "-", string(ReasonExcluded), 101}},
		"nobody leads":                  {paused(observed("", member("b"))), wanted{"", "", "", 101}},
		"another is preferred":          {paused(prefers(observed("a", member("a"), member("b", zone("best"), trustedFor(time.Hour))), 60)), wanted{"a", "", "", 101}},
		"a handover is asked for":       {asked(paused(observed("a", member("a"), member("b"))), "b"), wanted{"a", "", "", 101}},
		"the Lease is lost, and stays":  {paused(justMade(observed("", member("a"), member("b", role("leader", 900))))), wanted{"b", "b", string(ReasonLost), 902}},
		"the Lease of nobody is lost":   {paused(justMade(observed("", member("a")))), wanted{"", "", "", 0}},
		"a stranger's Lease has passed": {paused(takenByStranger(observed("a", member("a")), "x", 10, time.Minute)), wanted{"", "-", string(ReasonStranger), 102}},
	} {
		t.Run(name, func(t *testing.T) {
			checkPlan(t, tc.observed, Decide(tc.observed, epoch), tc.want)
		})
	}
}

func TestAPauseIsTold(t *testing.T) {
	for _, o := range []Observed{paused(observed("a", member("a"))), paused(observed("", member("a")))} {
		if c := conditionOf(t, Decide(o, epoch).Status, v1alpha1.ConditionLeaderElected); c.Reason != v1alpha1.ReasonPaused {
			t.Errorf("reason %s: %s; want %s", c.Reason, c.Message, v1alpha1.ReasonPaused)
		}
	}
}
