package sidecar

import (
	"time"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/lead"
)

// Answer is what the program is told.
type Answer struct {
	Pool      string `json:"pool"`
	Namespace string `json:"namespace"`
	// Role is leader or follower.
	Role string `json:"role"`
	// Term and Holder are who leads, 0 and "" while nobody does.
	Term   int64  `json:"term"`
	Holder string `json:"holder"`
	// Guarantee is that of the policy's status.
	Guarantee v1alpha1.Guarantee `json:"guarantee"`
	// ValidForMs is how long, from before it was asked, a leader may believe it. It is absent where nothing bounds that.
	ValidForMs *int64 `json:"validForMs,omitempty"`
	// ValidUntilUptime is the same in a file, in seconds of the machine's uptime.
	ValidUntilUptime *float64 `json:"validUntilUptime,omitempty"`
}

const (
	leader   = "leader"
	follower = "follower"
)

// known is what a member knows of its pool.
type known struct {
	pool, namespace string
	// identity and uid are this member's own.
	identity, uid string
	// term is this process's, while it is not to end.
	term *lead.Term
	// seen is who leads, as a watch tells.
	seen lead.Leader
	// policy is nil while it is not known.
	policy *v1alpha1.LeaderPolicy
}

// answer is what the program is told, and for how long it may believe that it leads; 0 where nothing bounds that, or it does not.
func (k *known) answer() (a Answer, believed time.Duration) {
	a = Answer{Pool: k.pool, Namespace: k.namespace, Role: follower, Term: k.seen.Term, Holder: k.seen.Name, Guarantee: v1alpha1.GuaranteeAdvisory}
	if k.policy != nil && k.policy.Status.Guarantee != "" {
		a.Guarantee = k.policy.Status.Guarantee
	}
	if k.term != nil {
		if left := k.term.Left().Work; left > 0 {
			a.Role, a.Term, a.Holder = leader, k.term.Number, k.term.Holder
			return a, min(left, belief)
		}
		return a, 0
	}
	if k.advised() && k.seen.Name == k.identity && (k.uid == "" || k.seen.UID == k.uid) {
		a.Role = leader
	}
	return a, 0
}

// role is what this member is, and in which term; 0 where it does not lead.
func (k *known) role() (role string, number int64) {
	switch a, _ := k.answer(); {
	case k.term != nil:
		return leader, k.term.Number
	case a.Role == leader:
		return leader, a.Term
	default:
		return follower, 0
	}
}

// advised says whether zen-lead elects the leader, and this member does not contend.
func (k *known) advised() bool {
	return k.policy != nil && k.policy.Spec.Mode != v1alpha1.ModeParticipant
}
