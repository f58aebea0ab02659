package snapshot

import (
	"strconv"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// facts is what is known of a pool. What is nil is not there.
type facts struct {
	policy *policyFacts
	lease  *leaseFacts
	// heard is of versions, also of what changed nothing or is gone by now.
	heard Revision
	// released is the largest term in which the Lease was seen to be given up. Nobody leads in it again.
	released int64
}

// policyFacts is what a policy says.
type policyFacts struct {
	uid    types.UID
	mode   v1alpha1.Mode
	custom bool // members name themselves
	status State
}

// leaseFacts is what a Lease of zen-lead's says.
type leaseFacts struct {
	record term.Record
	since  time.Time
}

// podFacts is what is told of a member.
type podFacts struct {
	pool     types.NamespacedName
	identity string // of its annotation
	leader   Leader
}

// policyOf returns nil for a policy that is being deleted.
func policyOf(p *v1alpha1.LeaderPolicy) *policyFacts {
	if p.DeletionTimestamp != nil {
		return nil
	}
	key := types.NamespacedName{Namespace: p.Namespace, Name: p.Name}
	s := State{Pool: key, Term: p.Status.Term, Guarantee: p.Status.Guarantee}
	if t := p.Status.LastTransitionTime; t != nil {
		s.Since = utc(t)
	}
	if s.Guarantee == "" {
		s.Guarantee = v1alpha1.GuaranteeAdvisory
	}
	if h := p.Status.CurrentHolder; h != nil {
		s.Leader = Leader{Name: h.Name, UID: string(h.UID)}
	}
	return &policyFacts{uid: p.UID, mode: p.Spec.Mode, custom: p.Spec.IdentityStrategy == v1alpha1.IdentityCustom, status: s}
}

// leaseOf returns nil for a Lease that is not zen-lead's, or that nobody has held.
func leaseOf(l *coordinationv1.Lease) *leaseFacts {
	r, ours, err := kube.RecordOf(l)
	if err != nil || !ours || r.Term() == 0 {
		return nil
	}
	f := &leaseFacts{record: r}
	if t := l.Spec.AcquireTime; t != nil {
		f.since = utc(t)
	}
	if t := l.Spec.RenewTime; t != nil && !r.Held() {
		f.since = utc(t) // when it was emptied
	}
	return f
}

// podOf returns nil for a pod of no pool.
func podOf(p *corev1.Pod) *podFacts {
	pool := p.Annotations[v1alpha1.PoolAnnotation]
	if pool == "" {
		return nil
	}
	f := &podFacts{
		pool:     types.NamespacedName{Namespace: p.Namespace, Name: pool},
		identity: p.Annotations[v1alpha1.IdentityAnnotation],
		leader:   Leader{Name: p.Name, UID: string(p.UID), Node: p.Spec.NodeName},
	}
	if len(p.Status.PodIPs) > 0 {
		f.leader.IP = p.Status.PodIPs[0].IP
	}
	return f
}

// stateOf joins what is known. pod finds a member by its UID.
//
// The Lease is the first to know of a move, and the status follows it. So the Lease is believed where its term is the larger, and
// where it was emptied since; else the status, which has judged it: a holder may have stopped renewing, or be a stranger. It also
// says who leads where another program's Lease does.
func (f *facts) stateOf(pod func(uid string) *podFacts) (State, Revision) {
	s := f.policy.status
	if f.policy.mode != v1alpha1.ModeObserve {
		s = f.joined(pod)
	}
	if p := pod(s.Leader.UID); p != nil && p.pool == s.Pool {
		s.Leader = p.leader
	}
	r := f.heard
	r.Term, r.Sum = s.Term, s.sum()
	return s, r
}

func (f *facts) joined(pod func(uid string) *podFacts) State {
	s := f.policy.status
	if s.Term <= f.released {
		s.Leader = Leader{}
	}
	if f.lease == nil {
		return s
	}
	switch r, led := f.lease.record, int64(f.lease.record.Term()); {
	case led < s.Term:
		return s // the watch of Leases is behind, or the mode has changed
	case !r.Held():
		s.Term, s.Since, s.Leader = led, f.lease.since, Leader{}
		return s
	case led == s.Term:
		if s.Leader.UID == r.Holder.UID {
			s.Since = f.lease.since // as it was told before the status followed
		}
		return s
	case !f.named(pod(r.Holder.UID)): // a stranger, or a member that is not known yet; whom the status names has lost the Lease
		s.Term, s.Since, s.Leader = led, f.lease.since, Leader{}
		return s
	default:
		s.Term, s.Since, s.Leader = led, f.lease.since, Leader{UID: r.Holder.UID}
		return s
	}
}

// named says whether the Lease names this member: electors of others keep the annotation that bears the UID.
func (f *facts) named(p *podFacts) bool {
	h := f.lease.record.Holder
	if p == nil || p.pool != f.policy.status.Pool {
		return false
	}
	if f.policy.mode == v1alpha1.ModeParticipant && h.Process.ID == "" {
		return false
	}
	return h.Identity == p.leader.Name || f.policy.custom && h.Identity == p.identity
}

// utc makes one of the ways to write a time, so that two can be compared.
func utc(t *metav1.MicroTime) time.Time { return t.UTC().Truncate(time.Microsecond) }

// version returns a resourceVersion as a number, 0 where it is none.
func version(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
