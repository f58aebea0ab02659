package pool

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/kube-zen/zen-lead/controller/internal/node"
	"github.com/kube-zen/zen-lead/controller/internal/preference"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// Explained is a member as people are told of it.
type Explained struct {
	Member
	// Leads: the pool's status names it.
	Leads bool
	// Why says in one line why it leads, may lead next, or may not.
	Why string
}

// Explain tells of each of a pool's pods, oldest first, why it leads or does not, by the rules of an election. nodes are
// those of the pods, by name; one that is not known has no labels.
func Explain(policy *v1alpha1.LeaderPolicy, pods []corev1.Pod, nodes map[string]*corev1.Node) []Explained {
	o := Observed{Namespace: policy.Namespace, Name: policy.Name, Policy: policy}
	if c := meta.FindStatusCondition(policy.Status.Conditions, v1alpha1.ConditionFieldsUnused); c != nil && c.Reason == v1alpha1.ReasonNodesUnknown {
		nodes = nil // the controller may not look at them
	}
	for i := range pods {
		m := MemberOf(&pods[i])
		if n := nodes[m.Node]; n != nil {
			m.NodeLabels, m.Standing = n.Labels, node.StandingOf(n)
		}
		o.Members = append(o.Members, m)
	}
	sortByAge(o.Members)
	if h := policy.Status.CurrentHolder; h != nil {
		o.Record.Holder.UID = string(h.UID) // its claim to its identity comes first
	}
	o = o.identified()
	o.weigh()
	next := nextOf(o.Members, policy)
	list := make([]Explained, 0, len(o.Members))
	for i := range o.Members {
		m := &o.Members[i]
		e := Explained{Member: *m, Leads: leads(policy, m)}
		e.Why = why(policy, m, e.Leads, m == next)
		list = append(list, e)
	}
	return list
}

func leads(policy *v1alpha1.LeaderPolicy, m *Member) bool {
	h := policy.Status.CurrentHolder
	return h != nil && h.UID == m.UID
}

// nextOf returns who would lead if the leader were gone, nil if nobody: a paused pool elects nobody.
func nextOf(members []Member, policy *v1alpha1.LeaderPolicy) *Member {
	var best *Member
	for i := range members {
		if policy.Spec.Paused {
			break
		}
		if m := &members[i]; !leads(policy, m) && m.Candidate() && (best == nil || better(m, best)) {
			best = m
		}
	}
	return best
}

func why(policy *v1alpha1.LeaderPolicy, m *Member, leads, next bool) string {
	if policy.Spec.Mode == v1alpha1.ModeParticipant {
		return whyContending(policy, m, leads)
	}
	if lease := policy.Observes(); lease != "" {
		return whyObserved(lease, m, leads)
	}
	var says []string
	switch {
	case leads && m.Candidate():
		says = append(says, "leads")
	case leads:
		says = append(says, "is kept although it is "+ailment(m))
	case !m.Candidate():
		return "may not lead: it is " + ailment(m)
	case next:
		says = append(says, "leads next")
	default:
		says = append(says, "may lead")
	}
	if m.Standing != node.Sound {
		says = append(says, string(reasonOf[m.Standing]))
	}
	return strings.Join(append(says, weighs(policy, m)...), ", ")
}

// weighs tells of a member's weight, where the policy has any.
func weighs(policy *v1alpha1.LeaderPolicy, m *Member) []string {
	if policy.Spec.Preference == nil {
		return nil
	}
	weight, by := preference.Weigh(policy.Spec.Preference, m.Traits())
	if by == nil {
		return []string{"weight 0: no entry fits"}
	}
	return []string{fmt.Sprintf("weight %d: %s", weight, preference.Describe(by))}
}

// whyContending does not guess who leads next: whoever takes the Lease first does.
func whyContending(policy *v1alpha1.LeaderPolicy, m *Member, leads bool) string {
	var says []string
	switch {
	case leads && m.Candidate():
		says = append(says, "leads: it holds Lease "+policy.Name)
	case leads:
		says = append(says, "leads: it holds Lease "+policy.Name+", although it is "+ailment(m))
	case m.Candidate():
		says = append(says, "may contend, or be handed the lead")
	default:
		return "may contend, but is " + ailment(m) + ": the lead is not handed to it"
	}
	if m.Standing != node.Sound {
		says = append(says, string(reasonOf[m.Standing]))
	}
	return strings.Join(append(says, weighs(policy, m)...), ", ")
}

// whyObserved does not guess who leads next: that is the program's to say.
func whyObserved(lease string, m *Member, leads bool) string {
	says := "does not hold Lease " + lease
	if leads {
		says = "leads: it holds Lease " + lease
	}
	if !m.Candidate() {
		says += ", and is " + ailment(m)
	}
	return says
}
