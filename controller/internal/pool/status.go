package pool

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

// statusOf builds the whole status of a policy from what was observed and what is about to be written.
func statusOf(o Observed, e election, record term.Record, now time.Time) v1alpha1.LeaderPolicyStatus {
	s := v1alpha1.LeaderPolicyStatus{
		Phase:              v1alpha1.PhaseElecting,
		Candidates:         new(e.candidates),
		Term:               max(int64(record.Term()), o.Policy.Status.Term),
		Guarantee:          v1alpha1.GuaranteeAdvisory,
		LastTransitionTime: o.Policy.Status.LastTransitionTime,
		ObservedGeneration: o.Policy.Generation,
	}
	if e.contended == nil {
		if record.Base != 0 {
			s.Term = int64(record.Term())
			s.LastTransitionTime = since(o, e, now)
		} // else the Lease was made again and nobody leads yet: the term is still the largest that is known
	}
	if e.leader != nil {
		s.Phase = v1alpha1.PhaseStable
		s.CurrentHolder = &v1alpha1.Holder{
			Name: e.leader.Name, UID: e.leader.UID, Namespace: o.Namespace, StartTime: since(o, e, now),
		}
	}
	s.Conditions = conditions(o, e, record, now)
	return s
}

// since returns when the record last changed hands. Nobody renews it, so renewTime is that moment.
func since(o Observed, e election, now time.Time) *metav1.MicroTime {
	if e.record != nil {
		return &metav1.MicroTime{Time: now}
	}
	return o.Lease.Spec.RenewTime
}

func sameStatus(a, b *v1alpha1.LeaderPolicyStatus) bool { return equality.Semantic.DeepEqual(a, b) }

// lasting are the conditions that are kept also while they are not true.
var lasting = []string{
	v1alpha1.ConditionLeaderElected, v1alpha1.ConditionCandidatesAvailable, v1alpha1.ConditionHandover, v1alpha1.ConditionLeaderReachable,
}

// conditions starts from those that are there, so that the time of a condition's last change survives.
func conditions(o Observed, e election, record term.Record, now time.Time) []metav1.Condition {
	var list []metav1.Condition
	for _, c := range o.Policy.Status.Conditions {
		if slices.Contains(lasting, c.Type) || c.Status == metav1.ConditionTrue {
			list = append(list, c)
		}
	}
	set := func(c metav1.Condition) {
		c.ObservedGeneration, c.LastTransitionTime = o.Policy.Generation, metav1.NewTime(now.Truncate(time.Second))
		meta.SetStatusCondition(&list, c)
	}
	set(leaderElected(o, e))
	set(candidatesAvailable(o, e))
	if e.handover != nil {
		set(e.handover.outcome(record))
	}
	if c := leaderReachable(e.leader); c.Status == metav1.ConditionTrue {
		meta.RemoveStatusCondition(&list, c.Type)
	} else {
		set(c)
	}
	for _, c := range []metav1.Condition{leaseContended(o, e), serviceConflict(o), identityConflict(o), fieldsUnused(o)} {
		if c.Status == metav1.ConditionTrue {
			set(c)
		} else {
			meta.RemoveStatusCondition(&list, c.Type)
		}
	}
	return list
}

func leaderElected(o Observed, e election) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionLeaderElected, Status: metav1.ConditionFalse}
	switch {
	case e.observed != nil && (!o.Policy.Spec.Paused || e.contended != nil):
		return e.observed.condition()
	case e.contended != nil:
		c.Reason, c.Message = v1alpha1.ReasonForeignLease, "zen-lead does not hold Lease "+o.Name
	case e.leader == nil && o.Policy.Spec.Paused:
		c.Reason, c.Message = v1alpha1.ReasonPaused, "nobody leads, and nobody is elected while spec.paused is true"
	case e.leader == nil:
		c.Reason, c.Message = v1alpha1.ReasonNoCandidate, "no member may be elected"
	case o.Policy.Spec.Paused:
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, v1alpha1.ReasonPaused, e.leader.Name+" leads, and the lead does not move while spec.paused is true"
	case e.leader.Candidate():
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, v1alpha1.ReasonLeaderReady, e.leader.Name+" leads"
	default:
		c.Status, c.Reason = metav1.ConditionTrue, v1alpha1.ReasonLeaderKept
		c.Message = e.leader.Name + " is kept although it is " + ailment(e.leader) + ": " + cmp.Or(e.kept, "nobody else may be elected")
	}
	return c
}

func ailment(m *Member) string {
	switch {
	case m.Terminal:
		return "ended"
	case m.Terminating:
		return "being deleted"
	case m.Excluded:
		return "excluded (" + v1alpha1.JoinAnnotation + ")"
	case m.Refused != nil:
		return "refused for its identity"
	default:
		return "not ready"
	}
}

func candidatesAvailable(o Observed, e election) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionCandidatesAvailable, Status: metav1.ConditionFalse}
	switch {
	case e.candidates > 0:
		c.Status, c.Reason = metav1.ConditionTrue, v1alpha1.ReasonMembersReady
		// Not how many members there are: a pod that dies would then cost two writes, when it stops and when it is gone.
		c.Message = fmt.Sprintf("%d members may be elected", e.candidates)
	case len(o.Members) == 0:
		c.Reason = v1alpha1.ReasonNoMembers
		c.Message = fmt.Sprintf("no pod of namespace %s has the annotation %s: %s", o.Namespace, v1alpha1.PoolAnnotation, o.Name)
	default:
		c.Reason = v1alpha1.ReasonNoneReady
		c.Message = "no member may be elected: each is not ready, being deleted or excluded"
	}
	return c
}

func leaseContended(o Observed, e election) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionLeaseContended, Status: metav1.ConditionFalse}
	if e.contended == nil {
		return c
	}
	c.Status, c.Reason = metav1.ConditionTrue, e.contended.reason
	switch {
	case e.contended.reason == v1alpha1.ReasonForeignRecord:
		c.Message = fmt.Sprintf("Lease %s was not made by zen-lead (holder %q) and is never taken over: set spec.mode to "+
			"observe if the pods elect themselves, name the policy differently, or stop the program that uses the Lease and delete it", o.Name, e.contended.holder)
	case o.participates():
		c.Message = fmt.Sprintf("%q holds Lease %s with an elector that is not zen-lead's: its work may go on when another leads, so that the pool is Advisory "+
			"meanwhile; let all members contend with lead.Run, or set spec.mode to observe", e.contended.holder, o.Name)
	case o.ownProcess():
		c.Message = fmt.Sprintf("%q holds Lease %s from the pool's time in mode participant: it gives it up, or is waited for until it has not renewed it for "+
			"its leaseDurationSeconds", e.contended.holder, o.Name)
	default:
		c.Message = fmt.Sprintf("%q, which is no member, holds Lease %s; it is taken back when it is not renewed: set spec.mode to "+
			"observe if the pods elect themselves, name the policy differently, or stop that program", e.contended.holder, o.Name)
	}
	return c
}

func serviceConflict(o Observed) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionServiceConflict, Status: metav1.ConditionFalse}
	if o.serviceConflict() {
		c.Status, c.Reason = metav1.ConditionTrue, v1alpha1.ReasonServiceNotOurs
		c.Message = fmt.Sprintf("Service %s exists and was not made by zen-lead, so it is not touched: delete it, or set "+
			"spec.service.name to another name", o.Service.Name)
	}
	return c
}
