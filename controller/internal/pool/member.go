package pool

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/controller/internal/node"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// Member is a pod of a pool, reduced to what the rules look at.
type Member struct {
	Name    string
	UID     types.UID
	Created time.Time

	// Identity names it in the record: its name, unless the policy wants CustomIdentity, which is its annotation.
	Identity, CustomIdentity string
	// Refused says that its identity keeps it from being elected; nil: it does not.
	Refused *refusal

	// Ready: its readiness condition is true, since ReadySince by the clock of its node.
	Ready      bool
	ReadySince metav1.Time
	// Running: its phase is Running.
	Running bool
	// Terminating: it has a deletion timestamp. Tainted: as its node's taint wants it, not because somebody asked.
	Terminating, Tainted bool
	// Terminal: its phase is Succeeded or Failed; it never runs again.
	Terminal bool
	// Ended: each of its containers that ran has ended, as its kubelet says.
	Ended bool
	// Excluded: the annotation zen-lead/join keeps it from being elected.
	Excluded bool
	// BadJoin is the value of zen-lead/join where it is neither "true" nor "false".
	BadJoin string

	Role Role
	// Unlabelled: it has no labels at all, so the first must bring the map.
	Unlabelled bool
	IPs        []string
	// Labels of the pod; Node is the name of its node and NodeLabels the labels of that, nil while it is not known.
	Labels, NodeLabels map[string]string
	Node               string
	// Standing is what its node means for it, and StandingFor for how long this process has seen it so.
	Standing    node.Standing
	StandingFor time.Duration
	// Weight is how much the policy prefers it.
	Weight int32
	// Declined: it was named as successor and did not take the lead.
	Declined bool
	// CandidateFor is for how long this process has seen it as a candidate without a break.
	CandidateFor time.Duration
	// Ports are the container ports, in the order of the pod's spec.
	Ports []corev1.ContainerPort
}

// Role is what stands on a pod about its place in the pool.
type Role struct {
	// Annotation and Label say the role; they differ only after somebody edited one of them.
	Annotation, Label string
	// TermText is the term annotation as it stands, which the fence compares; Term is its value, 0 if it is none.
	TermText string
	Term     term.Number
	// Cost is what its deletion costs, ours or the user's.
	Cost string
	// HasAnnotation, HasLabel, HasTerm and HasCost tell a value that is empty from one that is absent.
	HasAnnotation, HasLabel, HasTerm, HasCost bool
}

// none: it never had a role.
func (r *Role) none() bool { return !r.HasAnnotation && !r.HasLabel && !r.HasTerm }

// MemberOf reads a pod.
func MemberOf(p *corev1.Pod) Member {
	m := Member{
		Name:        p.Name,
		Identity:    p.Name,
		UID:         p.UID,
		Created:     p.CreationTimestamp.Time,
		Terminating: p.DeletionTimestamp != nil,
		Terminal:    p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed,
		Running:     p.Status.Phase == corev1.PodRunning,
		Role:        roleOf(p.Labels, p.Annotations),
		Unlabelled:  p.Labels == nil,
		Labels:      p.Labels,
		Node:        p.Spec.NodeName,

		CustomIdentity: identityOf(p),
	}
	m.Ended = m.Terminal && ended(p)
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			m.Ready, m.ReadySince = c.Status == corev1.ConditionTrue, c.LastTransitionTime
		}
		if c.Type == corev1.DisruptionTarget {
			m.Tainted = m.Terminating && c.Reason == deletionByTaint
		}
	}
	for _, ip := range p.Status.PodIPs {
		m.IPs = append(m.IPs, ip.IP)
	}
	for _, c := range p.Spec.Containers {
		m.Ports = append(m.Ports, c.Ports...)
	}
	for _, c := range p.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			m.Ports = append(m.Ports, c.Ports...) // a sidecar
		}
	}
	switch join, set := p.Annotations[v1alpha1.JoinAnnotation]; {
	case !set || join == "true":
	case join == "false":
		m.Excluded = true
	default:
		m.Excluded, m.BadJoin = true, join
	}
	return m
}

func roleOf(labels, annotations map[string]string) Role {
	var r Role
	r.Annotation, r.HasAnnotation = annotations[v1alpha1.RoleAnnotation]
	r.Label, r.HasLabel = labels[v1alpha1.RoleLabel]
	r.TermText, r.HasTerm = annotations[v1alpha1.TermAnnotation]
	r.Term = kube.Term(r.TermText)
	r.Cost, r.HasCost = annotations[corev1.PodDeletionCost]
	return r
}

// deletionByTaint is the reason of a pod's condition DisruptionTarget when the node controller deletes it for a taint.
const deletionByTaint = "DeletionByTaintManager"

// Candidate says whether the member may be elected now.
func (m *Member) Candidate() bool {
	return m.Ready && !m.Terminating && !m.Terminal && !m.Excluded && m.Refused == nil
}

// MayStay says whether the member may go on leading when nobody else may be elected: it runs, or may run again.
// Only who left, ended or was excluded may not. Of a leader it cannot be said that another has its identity: its claim
// comes first.
func (m *Member) MayStay() bool { return !m.Terminal && !m.Excluded }

// exists says whether a leader is there and was not told to go: moving away from it is a choice.
func (m *Member) exists() bool {
	return m.MayStay() && !m.Terminating && m.Standing != node.OutOfService
}

// Holder returns the member as a record names it.
func (m *Member) Holder() term.Holder {
	return term.Holder{Identity: m.Identity, UID: string(m.UID)}
}

// sortByAge puts the oldest first; among pods of one second the name decides, so that every replica sees one order.
func sortByAge(members []Member) {
	slices.SortFunc(members, func(a, b Member) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Name, b.Name))
	})
}
