package pool

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// epoch is the time of all decisions in these tests.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// member returns a ready member; later letters are younger pods. Its UID is "u" + name.
func member(name string, changes ...func(*Member)) Member {
	m := Member{
		Name: name, Identity: name, UID: types.UID("u" + name), Created: epoch.Add(time.Duration(name[len(name)-1]) * time.Second), Ready: true,
		IPs: []string{"10.0.0.1"}, Node: "n1", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
	}
	for _, c := range changes {
		c(&m)
	}
	return m
}

func unready(m *Member)     { m.Ready = false }
func terminating(m *Member) { m.Terminating = true }
func terminal(m *Member)    { m.Terminal, m.Ready = true, false }
func excluded(m *Member)    { m.Excluded = true }
func uid(u string) func(*Member) {
	return func(m *Member) { m.UID = types.UID(u) }
}

// role gives the member a role that was written in term t.
func role(r string, t term.Number) func(*Member) {
	return func(m *Member) {
		m.Role = RoleWrite{Role: r, Term: t}.written()
	}
}

// observed returns pool "web" with the given members and a Lease that names holder in term 101; holder "" is a Lease
// that was emptied.
func observed(holder string, members ...Member) Observed {
	o := Observed{Namespace: "ns", Name: "web", Policy: policy(), Members: members}
	sortByAge(o.Members)
	setLease(&o, term.Record{Version: 500, Base: 100, Transitions: 1})
	if holder != "" {
		setLease(&o, term.Record{Version: 500, Base: 100, Transitions: 1, Holder: term.Holder{Identity: holder, UID: "u" + holder}})
	}
	return o
}

func policy() *v1alpha1.LeaderPolicy {
	return &v1alpha1.LeaderPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "web", UID: "policy", Generation: 1, ResourceVersion: "7"}}
}

// setLease lets the Lease say r, as zen-lead writes it.
func setLease(o *Observed, r term.Record) {
	empty := kube.NewLease("ns", "web", term.EmptyDuration, epoch)
	empty.UID, empty.ResourceVersion = "lease", "500"
	o.Lease, o.Record, o.Ours, o.OwnRecord = leaseWith(empty, r, epoch), r, true, true
}

// statusNames lets the status say that a member leads in term t.
func statusNames(o Observed, member string, t term.Number) Observed {
	o.Policy.Status.Term = int64(t)
	o.Policy.Status.CurrentHolder = &v1alpha1.Holder{Name: member, UID: types.UID("u" + member)}
	return o
}

// sliceNames lets a slice send traffic to a member that leads in term t.
func sliceNames(o Observed, member string, t term.Number) Observed {
	s := discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Name: "web-leader-ipv4"}}
	s.Annotations = map[string]string{v1alpha1.TermAnnotation: kube.FormatTerm(t)}
	s.Endpoints = []discoveryv1.Endpoint{{TargetRef: &corev1.ObjectReference{UID: types.UID("u" + member)}}}
	o.Slices = append(o.Slices, s)
	return o
}

// justMade lets the Lease be the one that this pool creates.
func justMade(o Observed) Observed {
	l := kube.NewLease("ns", "web", term.EmptyDuration, epoch)
	l.UID, l.ResourceVersion = "lease", "500"
	o.Lease, o.Record, o.Ours, o.Confirmed = l, term.Record{Version: 500}, false, true
	return o
}

// foreignLease lets the Lease be somebody else's.
func foreignLease(o Observed, holder string) Observed {
	l := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "web", UID: "lease", ResourceVersion: "500"}}
	if holder != "" {
		l.Spec.HolderIdentity = &holder
	}
	o.Lease, o.Ours = l, false
	o.Record = term.Record{Version: 500, Holder: term.Holder{Identity: holder}}
	return o
}

// takenByStranger lets a client-go elector have taken the Lease, and lets this process have seen its record unchanged.
func takenByStranger(o Observed, holder string, duration int32, unchanged time.Duration) Observed {
	o.Record.Holder.Identity, o.Record.Duration = holder, time.Duration(duration)*time.Second
	o.Record.Transitions++
	o.Lease.Spec.HolderIdentity, o.Lease.Spec.LeaseDurationSeconds = &holder, &duration
	o.LeaseUnchangedFor = unchanged
	return o
}

// carryOut does to the observation what apply does to the cluster.
func carryOut(o *Observed, p Plan) {
	if p.Record != nil {
		setLease(o, *p.Record)
	}
	for _, w := range p.Roles {
		for i := range o.Members {
			if o.Members[i].UID == w.Member.UID {
				o.Members[i].Role = w.written()
			}
		}
	}
	if p.Service != nil {
		o.Service = p.Service
	}
	for i := range p.Slices {
		written := p.Slices[i]
		replaced := false
		for j := range o.Slices {
			if o.Slices[j].Name == written.Name {
				o.Slices[j], replaced = written, true
			}
		}
		if !replaced {
			o.Slices = append(o.Slices, written)
		}
	}
	if p.Status != nil {
		o.Policy.Status = *p.Status
	}
}
