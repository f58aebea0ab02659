package pool

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

// endedPod is pod "a" as its kubelet reports it when all of it is over.
func endedPod(changes ...func(*corev1.Pod)) *corev1.Pod {
	p := memberPod("a", corev1.ConditionFalse)
	p.Status.Phase = corev1.PodFailed
	p.Spec.InitContainers = []corev1.Container{{Name: "init"}}
	p.Spec.Containers = []corev1.Container{{Name: "main"}, {Name: "side"}}
	p.Status.InitContainerStatuses = []corev1.ContainerStatus{terminated("init", "Completed")}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{terminated("main", "Error"), terminated("side", "Completed")}
	for _, c := range changes {
		c(p)
	}
	return p
}

func terminated(name, reason string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, ContainerID: "c-" + name, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: reason}}}
}

func running(name string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, ContainerID: "c-" + name, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
}

func debugger(s corev1.ContainerStatus) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: s.Name}}}
		p.Status.EphemeralContainerStatuses = []corev1.ContainerStatus{s}
	}
}

func TestWhatProvesThatAPodHasEnded(t *testing.T) {
	for name, tc := range map[string]struct {
		pod  *corev1.Pod
		want bool
	}{
		"each container terminated": {endedPod(), true},
		"the phase alone does not: the garbage collector of pods sets it": {
			endedPod(func(p *corev1.Pod) { p.Status.ContainerStatuses = nil }), false},
		"nor with what a kubelet last said that may have started one again": {
			endedPod(func(p *corev1.Pod) {
				p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "DeletionByPodGC"})
			}), false},
		"nor while the phase says that it may go on": {endedPod(func(p *corev1.Pod) { p.Status.Phase = corev1.PodRunning }), false},
		"nor where the kubelet does not know":        {endedPod(func(p *corev1.Pod) { p.Status.ContainerStatuses[1] = terminated("side", "ContainerStatusUnknown") }), false},
		"nor where it says no reason":                {endedPod(func(p *corev1.Pod) { p.Status.ContainerStatuses[1] = terminated("side", "") }), false},
		"nor while one runs":                         {endedPod(func(p *corev1.Pod) { p.Status.ContainerStatuses[1] = running("side") }), false},
		"nor where one is not told of":               {endedPod(func(p *corev1.Pod) { p.Status.ContainerStatuses = p.Status.ContainerStatuses[:1] }), false},
		"nor while an init container runs":           {endedPod(func(p *corev1.Pod) { p.Status.InitContainerStatuses[0] = running("init") }), false},
		"nor while somebody debugs it":               {endedPod(debugger(running("debugger"))), false},
		"a debugger that has ended does":             {endedPod(debugger(terminated("debugger", "Completed"))), true},
		"one that never ran too":                     {endedPod(debugger(corev1.ContainerStatus{Name: "debugger"})), true},
		"a mirror pod proves nothing":                {endedPod(func(p *corev1.Pod) { p.Annotations[corev1.MirrorPodAnnotationKey] = "x" }), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := MemberOf(tc.pod).Ended; got != tc.want {
				t.Errorf("ended %v, want %v", got, tc.want)
			}
			kept, err := StripPod(tc.pod)
			if err != nil || MemberOf(kept.(*corev1.Pod)).Ended != tc.want {
				t.Errorf("in the cache: %v, %v; want %v", MemberOf(kept.(*corev1.Pod)).Ended, err, tc.want)
			}
		})
	}
}

func dead(m *Member) { m.Terminal, m.Ready, m.Ended = true, false, true }

func TestTheLeaseOfAHolderThatIsProvenDeadIsEmptied(t *testing.T) {
	read := func(o *Observed) { o.rereads, o.Live = 1, true }
	verified := func(o *Observed) { o.Verified = []string{"a"} }
	of := func(m Member, changes ...func(*Observed)) Observed {
		o := contending("a", m, member("b"))
		for _, c := range changes {
			c(&o)
		}
		return o
	}
	for name, tc := range map[string]struct {
		observed             Observed
		reread, verify, done bool
	}{
		"the Lease is read first":   {of(member("a", dead)), true, false, false},
		"and the pod after it":      {of(member("a", dead), read), false, true, false},
		"then the Lease is emptied": {of(member("a", dead), read, verified), false, false, true},
		"not where the policy wants it waited for": {
			but(of(member("a", dead), read, verified), func(o *Observed) { o.Policy.Spec.Failover = &v1alpha1.Failover{ProofOfDeath: new(false)} }), false, false, false},
		"a policy may say that it is proof": {
			but(of(member("a", dead), read, verified), func(o *Observed) { o.Policy.Spec.Failover = &v1alpha1.Failover{ProofOfDeath: new(true)} }), false, false, true},
		"a phase is no proof":                      {of(member("a", terminal), read, verified), false, false, false},
		"nor is another pod of that name":          {of(member("a", dead, uid("other")), read, verified), false, false, false},
		"nor what is known of a stranger's holder": {anElector(of(member("a", dead), read, verified), "a_1"), false, false, false},
		"nor is the UID that it left of whom it replaced": {
			but(anElector(of(member("a", dead), read, verified), "a_1"), func(o *Observed) { o.Record.Holder.UID = "ua" }), false, false, false},
		"nor of a process that did not tell its pod": {
			but(of(member("a", dead), read, verified), func(o *Observed) { setRecord(o, term.Holder{Identity: "a", Process: term.Process{ID: "p"}}) }), false, false, false},
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

// TestADeathIsReadAfterTheLease lets a reconciler find out, and looks at the order of its requests.
func TestADeathIsReadAfterTheLease(t *testing.T) {
	o := contending("a", member("a"))
	p := policy()
	p.Spec.Mode, p.Status.ObservedGeneration = v1alpha1.ModeParticipant, 1
	pod := endedPod()
	c := cached{"leaderpolicies/web": p, "leases/web": o.Lease, "pods/a": pod}
	for name, tc := range map[string]struct {
		live    *corev1.Pod
		emptied bool
	}{
		"it has ended":                     {pod, true},
		"the cache was wrong":              {endedPod(func(p *corev1.Pod) { p.Status.ContainerStatuses[0] = running("main") }), false},
		"it was made again under its name": {endedPod(func(p *corev1.Pod) { p.UID = "other" }), false},
		"it is gone: that is no proof":     {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := &wire{live: cached{"leaderpolicies/web": p, "leases/web": o.Lease}}
			if tc.live != nil {
				w.live["pods/a"] = tc.live
			}
			r := reconciler(t, w, c)
			decideOnce(t, r)
			emptied := false
			for _, s := range w.sentTo("leases") {
				emptied = true
				if s.method != http.MethodPut || !strings.Contains(s.body, `"resourceVersion":"500"`) || !strings.Contains(s.body, `"uid":"lease"`) || strings.Contains(s.body, "holderIdentity") {
					t.Errorf("sent %s: %s", s, s.body)
				}
			}
			if emptied != tc.emptied {
				t.Errorf("emptied %v, want %v: %v", emptied, tc.emptied, w.writes)
			}
		})
	}
}
