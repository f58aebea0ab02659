package pool

import (
	"net/http"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

func TestAPoolThatComesToObserveGivesItsLeaseUpFirst(t *testing.T) {
	for name, lease := range map[string]string{"on the same Lease": "web", "on another": "op"} {
		t.Run(name, func(t *testing.T) {
			o := observing("b_x", member("a"), member("b"))
			setLease(&o, observed("a").Record)
			if o.Program.name = lease; lease == "web" {
				o.Program.lease, o.Program.record = o.Lease, o.Record
			}
			if p := Decide(o, epoch); !p.RereadPolicy || p.Record != nil {
				t.Fatalf("plan %+v, want the policy to be read first", p)
			}
			o.PolicyLive = true
			p := Decide(o, epoch)
			if p.Record == nil || p.Record.Held() || p.Record.Term() != 101 || p.Status != nil || p.Roles != nil || p.Slices != nil {
				t.Fatalf("plan %+v, want only that the Lease is emptied", p)
			}
			setLease(&o, *p.Record)
			if lease == "web" {
				o.Program.lease, o.Program.record = o.Lease, o.Record
			}
			p = Decide(o, epoch)
			if p.Create || p.Record != nil && (lease == "web" || p.Record.Held()) {
				t.Errorf("record %+v is written again", p.Record)
			}
			if lease == "op" && (p.Record == nil || p.Record.Term() != 500) {
				t.Errorf("record %+v, want it to keep up with the term that is published", p.Record)
			}
		})
	}
}

func TestALeaseThatAStrangerTookFromUsIsObservedAndNotEmptied(t *testing.T) {
	o := observing("a_x", member("a"))
	setLease(&o, term.Record{Version: 500, Base: 100, Transitions: 1})
	o = takenByStranger(o, "a_x", 15, 0)
	o.Policy.Spec.LeaseName = ""
	o.Program.name, o.Program.lease, o.Program.record = "web", o.Lease, o.Record
	if p := Decide(o, epoch); p.Record != nil || p.Leader == nil || p.Status.Term != 500 {
		t.Errorf("record %+v, leader %+v, status %+v", p.Record, p.Leader, p.Status)
	}
}

func TestAPoolThatCameToObserveMakesNoLease(t *testing.T) {
	o := observing("a", member("a"))
	if p := Decide(o, epoch); p.Create || p.Record != nil {
		t.Errorf("plan %+v", p)
	}
}

func TestAHandoverOfAProgramThatElectsItselfIsRefused(t *testing.T) {
	o := observing("a", member("a"), member("b"))
	o.Policy.Annotations = map[string]string{v1alpha1.HandoverAnnotation: "b"}
	p := Decide(o, epoch)
	c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionHandover)
	if c == nil || c.Reason != v1alpha1.ReasonRefused || !strings.Contains(c.Message, "elects itself") || p.Answered == nil || p.Leader.Name != "a" {
		t.Errorf("condition %+v, answered %v", c, p.Answered)
	}
}

// TestAnObservedLeaseIsNeverWritten lets a reconciler decide about what may be there, and looks at what it sends.
func TestAnObservedLeaseIsNeverWritten(t *testing.T) {
	held := func(holder string) *coordinationv1.Lease {
		return &coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "op", UID: "op", ResourceVersion: "500"},
			Spec:       coordinationv1.LeaseSpec{HolderIdentity: &holder, LeaseDurationSeconds: new(int32(15))},
		}
	}
	for name, lease := range map[string]*coordinationv1.Lease{
		"it is missing": nil, "it is empty": held(""), "a member holds it": held("a-ua"), "a stranger holds it": held("other"),
	} {
		t.Run(name, func(t *testing.T) {
			p := policy()
			p.Spec.Mode, p.Spec.LeaseName = v1alpha1.ModeObserve, "op"
			c := cached{"leaderpolicies/web": p, "pods/a": memberPod("a", corev1.ConditionTrue), "pods/b": memberPod("b", corev1.ConditionTrue)}
			if lease != nil {
				c["leases/op"] = lease
			}
			w := &wire{live: c}
			now := epoch
			r := reconciler(t, w, c)
			r.Now = func() time.Time { return now }
			for range 3 {
				decideOnce(t, r)
				now = now.Add(time.Hour)
			}
			if len(w.sentTo("leases")) > 0 {
				t.Errorf("sent %v", w.writes)
			}
			roles := 0
			for _, s := range w.sentTo("pods") {
				if s.method == http.MethodPatch && strings.Contains(s.body, `"leader"`) {
					roles++
				}
			}
			if leads := name == "a member holds it"; (roles > 0) != leads || len(w.sentTo("leaderpolicies")) == 0 {
				t.Errorf("sent %v", w.writes)
			}
		})
	}
}

func TestNobodyIsSaidToLeadNextWhereTheProgramElects(t *testing.T) {
	o := statusNames(observing("a", member("a")), "a", 7)
	pods := []corev1.Pod{*memberPod("a", corev1.ConditionFalse), *memberPod("b", corev1.ConditionTrue)}
	want := []string{"leads: it holds Lease op, and is not ready", "does not hold Lease op"}
	for i, e := range Explain(o.Policy, pods, nil) {
		if e.Why != want[i] {
			t.Errorf("%s %s, want %s", e.Name, e.Why, want[i])
		}
	}
}
