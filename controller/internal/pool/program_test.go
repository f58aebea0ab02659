package pool

import (
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

// observing is pool "web" whose program elects itself on Lease "op": client-go's first record, of version 500, which was
// read just now and names holder; "" is a Lease that was released. All members were seen running before that.
func observing(holder string, members ...Member) Observed {
	o := Observed{Namespace: "ns", Name: "web", Policy: policy(), Members: members, Live: true}
	sortByAge(o.Members)
	o.Policy.Spec.Mode, o.Policy.Spec.LeaseName = v1alpha1.ModeObserve, "op"
	o.Program = &program{name: "op", sighted: map[types.UID]int64{}, changed: 500, record: term.Record{Version: 500, Holder: term.Holder{Identity: holder}}}
	o.Program.lease = &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "op", UID: "op", ResourceVersion: "500"},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &holder, LeaseDurationSeconds: new(int32(15)), LeaseTransitions: new(int32(0))},
	}
	for i := range o.Members {
		o.Members[i].Running = true
		o.Program.sighted[o.Members[i].UID] = 400
	}
	return o
}

// but changes what was observed.
func but(o Observed, change func(*Observed)) Observed {
	change(&o)
	return o
}

func TestWhoLeadsAProgramThatElectsItself(t *testing.T) {
	for name, tc := range map[string]struct {
		observed Observed
		// leader is "" for nobody, for the reason.
		leader, reason string
	}{
		"the holder is a pod's name":                               {observing("a", member("a"), member("b")), "a", v1alpha1.ReasonLeaderReady},
		"the holder is a pod's name and its UID":                   {observing("b-ub", member("a"), member("b")), "b", v1alpha1.ReasonLeaderReady},
		"the holder is a pod's name and anything":                  {observing("b_9c1e_x", member("a"), member("b")), "b", v1alpha1.ReasonLeaderReady},
		"a pod's name may begin with another's":                    {observing("web-10_x", member("web-1"), member("web-10")), "web-10", v1alpha1.ReasonLeaderReady},
		"a holder that only begins with a pod's name is unknown":   {observing("web-10_x", member("web-1")), "", v1alpha1.ReasonHolderUnknown},
		"a holder that is a pod's name and another's UID is too":   {observing("a-ub", member("a"), member("b")), "", v1alpha1.ReasonHolderUnknown},
		"a holder that is a node is too":                           {observing("n1_x", member("a")), "", v1alpha1.ReasonHolderUnknown},
		"a Lease that was released has no leader":                  {observing("", member("a")), "", v1alpha1.ReasonLeaseEmpty},
		"a Lease that is missing has none":                         {but(observing("", member("a")), func(o *Observed) { o.Program.lease, o.Program.record = nil, term.Record{} }), "", v1alpha1.ReasonLeaseMissing},
		"a leader that is not ready leads":                         {observing("a_x", member("a", unready), member("b")), "a", v1alpha1.ReasonLeaderKept},
		"a leader that is excluded from elections leads":           {observing("a_x", member("a", excluded), member("b")), "a", v1alpha1.ReasonLeaderKept},
		"a leader that has ended does not":                         {observing("a_x", member("a", terminal)), "", v1alpha1.ReasonHolderEnded},
		"a record that was not renewed for its duration may be":    {but(observing("a_x", member("a")), func(o *Observed) { o.Program.unchangedFor = 15 * time.Second }), "a", v1alpha1.ReasonLeaderReady},
		"a record that was not renewed for 5 % more is over":       {but(observing("a_x", member("a")), func(o *Observed) { o.Program.unchangedFor = 15750 * time.Millisecond }), "", v1alpha1.ReasonLeaseExpired},
		"what stands in the record as its time does not end it":    {but(observing("a_x", member("a")), func(o *Observed) { o.Program.lease.Spec.RenewTime = &metav1.MicroTime{Time: epoch.Add(-time.Hour)} }), "a", v1alpha1.ReasonLeaderReady},
		"a record from before the pod was seen is not proven":      {but(observing("a_x", member("a")), func(o *Observed) { o.Program.sighted["ua"] = 500 }), "", v1alpha1.ReasonHolderUnproven},
		"a record with the pod's UID is":                           {but(observing("a-ua", member("a")), func(o *Observed) { o.Program.sighted["ua"] = 500 }), "a", v1alpha1.ReasonLeaderReady},
		"a record from before, of a pod that leads already, is":    {but(statusNames(observing("a_x", member("a")), "a", 7), func(o *Observed) { o.Program.sighted["ua"] = 500 }), "a", v1alpha1.ReasonLeaderReady},
		"a record of a predecessor who led is not":                 {but(statusNames(observing("a_x", member("a", uid("new"))), "a", 7), func(o *Observed) { o.Program.sighted["new"] = 500 }), "", v1alpha1.ReasonHolderUnproven},
		"a record is not proven by a pod that was not seen to run": {but(observing("a_x", member("a")), func(o *Observed) { o.Program.sighted, o.Members[0].Running = nil, false }), "", v1alpha1.ReasonHolderUnproven},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(tc.observed, epoch)
			leader := ""
			if p.Leader != nil {
				leader = p.Leader.Name
			}
			if leader != tc.leader || p.Record != nil || p.Create {
				t.Errorf("leader %q, record %+v, create %v; want %q and no write of a Lease", leader, p.Record, p.Create, tc.leader)
			}
			c := p.Status.Conditions[0]
			if c.Reason != tc.reason || c.Message == "" || (c.Status == metav1.ConditionTrue) != (tc.leader != "") {
				t.Errorf("condition %+v, want %s", c, tc.reason)
			}
			if named := p.Status.CurrentHolder != nil; named != (tc.leader != "") {
				t.Errorf("status %+v", p.Status)
			}
		})
	}
}

func TestAHolderThatIsANodeIsExplained(t *testing.T) {
	if c := Decide(observing("n1_x", member("a")), epoch).Status.Conditions[0]; !strings.Contains(c.Message, "hostNetwork") {
		t.Errorf("message %q", c.Message)
	}
}

func TestWhenAnObservedLeaseIsLookedAtAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		observed Observed
		after    time.Duration
		awaits   bool
	}{
		"a leader is looked at when it should have expired": {but(observing("a", member("a")), func(o *Observed) { o.Program.unchangedFor = time.Second }), 14750 * time.Millisecond, false},
		"one that expired when it renews":                   {but(observing("a", member("a")), func(o *Observed) { o.Program.unchangedFor = time.Minute }), 0, true},
		"one that is not proven when it renews or expires":  {but(observing("a", member("a")), func(o *Observed) { o.Program.sighted["ua"] = 500 }), 15750 * time.Millisecond, true},
		"an empty Lease when somebody takes it":             {observing("", member("a")), 0, false},
		"a stranger's when somebody else takes it":          {observing("other", member("a")), 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			if p := Decide(tc.observed, epoch); p.After != tc.after || p.awaits != tc.awaits {
				t.Errorf("after %s, awaits %v", p.After, p.awaits)
			}
		})
	}
}

func TestAChangeIsReadFromTheAPIServerFirst(t *testing.T) {
	cached := func(o Observed) Observed {
		o.Live = false
		return o
	}
	led := func() Observed {
		return statusNames(observing("a", member("a", role("leader", 7)), member("b", role("follower", 7))), "a", 7)
	}
	for name, tc := range map[string]struct {
		observed Observed
		reread   bool
	}{
		"nothing changed":                   {cached(led()), false},
		"somebody leads":                    {cached(observing("a", member("a"))), true},
		"another leads":                     {cached(but(led(), func(o *Observed) { o.Program.record.Holder.Identity = "b" })), true},
		"nobody leads any more":             {cached(but(led(), func(o *Observed) { o.Program.record.Holder.Identity = "" })), true},
		"another replica shows another":     {cached(sliceNames(led(), "b", 8)), true},
		"nobody led and nobody does":        {cached(observing("", member("a"))), false},
		"a member runs that was not seen":   {cached(but(led(), func(o *Observed) { delete(o.Program.sighted, "ub") })), true},
		"a member that does not run is not": {cached(but(led(), func(o *Observed) { delete(o.Program.sighted, "ub"); o.Members[1].Running = false })), false},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(tc.observed, epoch)
			if p.Reread != tc.reread || tc.reread && (p.Status != nil || p.Roles != nil || p.Slices != nil) {
				t.Errorf("plan %+v, want reread %v", p, tc.reread)
			}
		})
	}
}
