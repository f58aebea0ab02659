package pool

import (
	"errors"
	"maps"
	"net/http"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

func TestModeControllerGoesOnAboveTheTermsThatWereObserved(t *testing.T) {
	own := func(holder string) Observed {
		o := observed(holder, member("a"))
		o.Live, o.PolicyLive = true, true
		o.Policy.Status.Term = 130
		return o
	}
	noStatus := func(o *Observed) { o.Policy.Status.Term = 101 }
	roleIn := func(t term.Number) Role { return Role{TermText: kube.FormatTerm(t), HasTerm: true, Term: t} }
	for name, tc := range map[string]struct {
		observed Observed
		// raised is the term to which the empty record is raised first; 0: it is not.
		raised term.Number
	}{
		"the pool's own Lease stayed behind":              {own(""), 130},
		"a stranger left it behind":                       {takenByStranger(own(""), "x", 15, time.Minute), 130},
		"a stranger has it":                               {takenByStranger(own(""), "x", 15, 0), 0},
		"a member has it: somebody wrote into the status": {own("a"), 0},
		"the policy was made again, and members tell": {
			but(own(""), func(o *Observed) {
				o.Policy.Status.Term, o.Members[0].Role = 0, roleIn(130)
			}), 130},
		"a slice tells, as the policy was edited before the status": {sliceNames(but(own(""), noStatus), "a", 130), 130},
		"a member does": {but(own(""), func(o *Observed) { noStatus(o); o.Members[0].Role = roleIn(130) }), 130},
		"one that was written by hand hides no other": {but(own(""), func(o *Observed) { o.Members[0].Role = roleIn(1 << 40) }), 130},
		"nothing is larger than its own":              {but(own(""), func(o *Observed) { o.Policy.Status.Term = 101 }), 0},
		"one that leaves no room for grants":          {but(own(""), func(o *Observed) { o.Policy.Status.Term = 100 + 1<<31 - 1 }), 0},
		"a larger one cannot be written there":        {but(own(""), func(o *Observed) { o.Policy.Status.Term = 1 << 40 }), 0},
	} {
		t.Run(name, func(t *testing.T) {
			late := tc.observed
			if late.PolicyLive = false; tc.raised != 0 && !Decide(late, epoch).RereadPolicy {
				t.Error("raised although the watch of policies may lag behind one that observes this Lease")
			}
			p := Decide(tc.observed, epoch)
			if raised := p.Record != nil && !p.Record.Held(); raised != (tc.raised != 0) || raised && p.Record.Term() != tc.raised {
				t.Fatalf("record %+v, want it raised to %d", p.Record, tc.raised)
			}
			if tc.raised == 0 {
				return
			}
			o := tc.observed
			setLease(&o, *p.Record)
			if p := Decide(o, epoch); p.Record == nil || p.Record.Term() <= 130 || p.Leader == nil {
				t.Errorf("record %+v", p.Record)
			}
		})
	}
}

func TestAnObservedTermStandsOnThePoolsOwnLeaseFirst(t *testing.T) {
	own := func(change func(*Observed)) Observed {
		return but(observing("a", member("a")), func(o *Observed) {
			setLease(o, term.Record{Version: 300, Base: 100, Transitions: 1})
			change(o)
		})
	}
	for name, tc := range map[string]struct {
		observed Observed
		// raised is the term of the record that is written, 0 if none is.
		raised term.Number
	}{
		"an empty one is raised":        {own(func(*Observed) {}), 500},
		"one that was just made is":     {own(func(o *Observed) { *o = justMade(*o) }), 500},
		"one of a larger term is":       {own(func(o *Observed) { setLease(o, term.Record{Version: 300, Base: 600}) }), 601},
		"one of no such pool is not":    {own(func(o *Observed) { *o = foreignLease(*o, "") }), 0},
		"one that a stranger has isn't": {own(func(o *Observed) { *o = takenByStranger(*o, "x", 15, 0) }), 0},
		"the program's is not":          {own(func(o *Observed) { o.Program.name, o.Program.lease = "web", o.Lease }), 0},
		"one that cannot be is not":     {own(func(o *Observed) { o.Program.record.Version = 1 << 40 }), 0},
		"one that bears it is not": {own(func(o *Observed) {
			setLease(o, term.Record{Version: 300, Base: 100, Transitions: 400})
			*o = statusNames(*o, "a", 500)
		}), 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(tc.observed, epoch)
			switch {
			case p.Leader == nil || len(p.Roles) == 0:
				t.Errorf("plan %+v, want a published", p)
			case tc.raised == 0 && p.Record != nil:
				t.Errorf("record %+v is written", p.Record)
			case tc.raised != 0 && (p.Record == nil || p.Record.Held() || p.Record.Term() != tc.raised || p.Roles[0].Term != tc.raised):
				t.Errorf("record %+v, roles %+v; want both of term %d", p.Record, p.Roles, tc.raised)
			}
		})
	}
}

// observedPool is pool "web" in mode observe: a holds the program's Lease, and the pool's own is empty.
func observedPool() cached {
	p := policy()
	p.Spec.Mode, p.Spec.LeaseName = v1alpha1.ModeObserve, "op"
	p.Status.Term, p.Status.CurrentHolder = 101, &v1alpha1.Holder{Name: "a", UID: "ua"}
	return cached{
		"leaderpolicies/web": p, "leases/web": observed("").Lease,
		"leases/op": &coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "op", UID: "op", ResourceVersion: "500"},
			Spec:       coordinationv1.LeaseSpec{HolderIdentity: new("b-ub"), LeaseDurationSeconds: new(int32(15))},
		},
		"pods/a": memberPod("a", corev1.ConditionTrue), "pods/b": memberPod("b", corev1.ConditionTrue),
	}
}

func TestWhoLosesTheOwnLeasePublishesNoObservedTerm(t *testing.T) {
	w := &wire{live: observedPool(), refuse: func(s sent) int {
		if s.resource == "leases" {
			return http.StatusConflict // a replica elects for a policy that came before or after
		}
		return 0
	}}
	decideOnce(t, reconciler(t, w, observedPool()))
	if len(w.writes) != 1 || w.writes[0].String() != "PUT leases/web" {
		t.Errorf("sent %v, want only the Lease of the pool", w.writes)
	}
}

func TestAnObservedTermIsAboveAnOwnLeaseThatTheWatchDoesNotShow(t *testing.T) {
	c := observedPool()
	w := &wire{live: maps.Clone(c)}
	w.live["leases/web"] = observed("a").Lease // another replica elects
	delete(c, "leases/web")
	decideOnce(t, reconciler(t, w, c))
	if len(w.writes) != 1 || w.writes[0].String() != "PUT leases/web" {
		t.Errorf("sent %v, want the Lease that the pool holds to be given up first", w.writes)
	}
}

func TestAnObservedSliceWithoutTermIsNotFilledOnceTheOwnLeaseHasChanged(t *testing.T) {
	c := observedPool()
	moved := c["leases/web"].(*coordinationv1.Lease).DeepCopy()
	moved.ResourceVersion, moved.Spec.LeaseTransitions = "501", new(int32(2)) // a replica that elects may have begun a larger term
	leavesObservedSliceEmpty(t, c, func(live cached) { live["leases/web"] = moved })
}

// With a policy its slices go, and a term that stood nowhere else.
func TestAnObservedSliceWithoutTermIsNotFilledOnceThePolicyHasChanged(t *testing.T) {
	change := func(change func(*v1alpha1.LeaderPolicy)) func(cached) {
		return func(live cached) {
			p := live["leaderpolicies/web"].(*v1alpha1.LeaderPolicy).DeepCopy()
			change(p)
			live["leaderpolicies/web"] = p
		}
	}
	for name, changed := range map[string]func(live cached){
		"it is gone":                   func(live cached) { delete(live, "leaderpolicies/web") },
		"it is another":                change(func(p *v1alpha1.LeaderPolicy) { p.UID = "again" }),
		"its status has a larger term": change(func(p *v1alpha1.LeaderPolicy) { p.Status.Term = 900 }),
	} {
		t.Run(name, func(t *testing.T) {
			c := observedPool()
			delete(c, "leases/web")
			leavesObservedSliceEmpty(t, c, changed)
		})
	}
}

// The program may have led by this very Lease, in mode observe, with a term above the Lease's, which went with the policy.
func TestASliceWithoutTermOfAContendedPoolIsNotFilledOnceThePolicyIsGone(t *testing.T) {
	for name, gone := range map[string]bool{"it is there": false, "it is gone": true} {
		t.Run(name, func(t *testing.T) {
			o := observed("a")
			o.Record.Holder = term.Holder{Identity: "program"}
			o.Lease.Spec.HolderIdentity, o.Lease.Spec.LeaseDurationSeconds = new("program"), new(int32(15))
			o.Slices = []discoveryv1.EndpointSlice{{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "web-leader-ipv4", UID: "slice", ResourceVersion: "9"}}}
			w := &wire{live: cached{"leases/web": o.Lease}}
			if !gone {
				w.live["leaderpolicies/web"] = o.Policy
			}
			p := &pass{r: reconciler(t, w, nil), o: o, m: newMemory(), now: epoch, lease: o.Lease.ResourceVersion}
			filled := o.Slices[0].DeepCopy()
			filled.Annotations = map[string]string{v1alpha1.TermAnnotation: "101"}
			if err := p.writeSlice(t.Context(), filled); errors.Is(err, errStale) != gone {
				t.Errorf("writeSlice() = %v", err)
			}
			if sent := w.sentTo("endpointslices"); len(sent) == 0 != gone {
				t.Errorf("sent %v", sent)
			}
		})
	}
}

// leavesObservedSliceEmpty lets a reconciler decide that sees c, where the slice of the leader is missing, after a change that
// it was not told of.
func leavesObservedSliceEmpty(t *testing.T, c cached, change func(live cached)) {
	t.Helper()
	c["leaderpolicies/web"].(*v1alpha1.LeaderPolicy).Status.CurrentHolder = &v1alpha1.Holder{Name: "b", UID: "ub"}
	for _, name := range []string{"a", "b"} {
		c["pods/"+name].(*corev1.Pod).Spec.Containers = []corev1.Container{{Ports: []corev1.ContainerPort{{ContainerPort: 80}}}}
	}
	w := &wire{live: maps.Clone(c)}
	change(w.live)
	decideOnce(t, reconciler(t, w, c))
	sent := w.sentTo("endpointslices")
	if len(sent) == 0 {
		t.Error("the slice was not even made: the test shows nothing")
	}
	for _, s := range sent {
		if s.method != http.MethodPost {
			t.Errorf("sent %s", s)
		}
	}
}
