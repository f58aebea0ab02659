package pool

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

// decideObserved says what is to be done about a pool whose program elects itself. Nothing is granted here: a Lease that
// the pool held before is given up first and keeps up with the terms, and the program's is only read.
func decideObserved(o Observed, now time.Time) Plan {
	if o.holdsOwn() && !o.PolicyLive {
		return Plan{RereadPolicy: true} // another replica may have been told of mode controller
	}
	if o.holdsOwn() {
		empty := o.Record.Empty()
		return Plan{Record: &empty, After: retryAfter}
	}
	v := o.verdict()
	t, settled := o.observedTerm(v.leader)
	if !o.Live && (!settled || o.unsighted()) {
		return Plan{Reread: true} // the watch may lag behind what another replica has published already
	}
	e := election{leader: v.leader, candidates: countCandidates(o.Members), observed: &v}
	// Planned: the new leader gets its role last, also where the pool's own Lease is written.
	p := Plan{Record: o.raisedForObserved(t), Planned: true, Leader: v.leader, After: v.wait, awaits: v.awaits}
	if to, asked := o.requested(); asked {
		e.handover = &handover{to: to, refused: "the program in the pods elects itself (spec.mode: observe)"}
		p.Answered = &to
	}
	publishFollowed(o, &p, v, t)
	reportFollowed(o, &p, e, t, now)
	return p
}

// publishFollowed plans what points at a leader that zen-lead did not elect, or at nobody.
func publishFollowed(o Observed, p *Plan, v verdict, t term.Number) {
	if publish(o, p, t); v.leader == nil && o.Service == nil {
		p.RemoveSlices = o.Slices // there is no Service, nor the ports to make it: what they send, nobody empties
	}
}

// reportFollowed plans roles, status and events of a leader that zen-lead did not elect, or of nobody.
func reportFollowed(o Observed, p *Plan, e election, t term.Number, now time.Time) {
	p.Roles = roles(o, e, t)
	status := o.observedStatus(e, t, now)
	if !sameStatus(&o.Policy.Status, &status) {
		p.Status = &status
		p.Events = o.observedChange(*e.observed, t)
	}
	p.Events = append(p.Events, eventsOf(o, e, o.Record, &status)...)
	p.Events = append(p.Events, serviceEvents(o, *p)...)
}

// holdsOwn says whether the pool still holds the Lease of its own name, from its time in mode controller.
func (o *Observed) holdsOwn() bool {
	return o.Lease != nil && o.Ours && o.Record.Held() && o.Record.Holder.UID != "" && !o.heldByStranger()
}

// observedTerm returns the term that a leader, nil for nobody, is published with, and whether it is published and nobody
// else is. A new one is the version of the program's Lease that names the leader: who judged an older version has a smaller
// term, and what is forgotten had one too. See docs/adr/0009-terms-of-observed-leases.md.
func (o *Observed) observedTerm(leader *Member) (t term.Number, settled bool) {
	if o.Ours {
		t = o.Record.Term() // of the pool's time in mode controller
	}
	var named []types.UID // with term t
	for _, c := range claims(*o) {
		if c.term > t {
			t, named = c.term, nil
		}
		if c.term == t && c.uid != "" {
			named = append(named, c.uid)
		}
	}
	others := slices.ContainsFunc(named, func(uid types.UID) bool { return leader == nil || uid != leader.UID })
	switch version := term.Number(o.Program.record.Version); {
	case leader == nil:
		return t, !others
	case others || len(named) == 0 || t < version && !o.names(leader, t):
		return max(t+1, version), false
	default:
		return t, true
	}
}

// names says whether status or slices name a leader of term t. A role alone does not tell: the pod may have brought it, with
// its term, from the pool that it led before.
func (o *Observed) names(leader *Member, t term.Number) bool {
	return slices.Contains(published(*o), claim{term: t, uid: leader.UID})
}

func (o *Observed) observedStatus(e election, t term.Number, now time.Time) v1alpha1.LeaderPolicyStatus {
	was := o.Policy.Status
	s := v1alpha1.LeaderPolicyStatus{
		Phase: v1alpha1.PhaseElecting, Candidates: new(e.candidates), Term: int64(t), Guarantee: o.guarantee(e.contended),
		LastTransitionTime: was.LastTransitionTime, ObservedGeneration: o.Policy.Generation,
	}
	if e.leader != nil {
		s.Phase = v1alpha1.PhaseStable
		s.CurrentHolder = &v1alpha1.Holder{Name: e.leader.Name, UID: e.leader.UID, Namespace: o.Namespace, StartTime: &metav1.MicroTime{Time: now}}
	}
	switch {
	case (was.CurrentHolder == nil) != (s.CurrentHolder == nil), was.CurrentHolder != nil && (was.Term != s.Term || was.CurrentHolder.UID != s.CurrentHolder.UID):
		s.LastTransitionTime = &metav1.MicroTime{Time: now}
	case s.CurrentHolder != nil:
		s.CurrentHolder.StartTime = was.CurrentHolder.StartTime
	}
	if o.participates() && e.leader != nil && o.Lease.Spec.AcquireTime != nil {
		s.CurrentHolder.StartTime = o.Lease.Spec.AcquireTime // by its own clock
	}
	s.Conditions = conditions(*o, e, o.Record, now)
	return s
}

// condition tells who leads, or why nobody does.
func (v *verdict) condition() metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionLeaderElected, Status: metav1.ConditionFalse, Reason: v.reason, Message: v.message}
	switch {
	case v.leader == nil:
		return c
	case v.leader.Candidate():
		c.Reason, c.Message = v1alpha1.ReasonLeaderReady, fmt.Sprintf("%s leads: it holds Lease %s", v.leader.Name, v.lease)
	default:
		c.Reason = v1alpha1.ReasonLeaderKept
		c.Message = fmt.Sprintf("%s leads, as it holds Lease %s, although it is %s", v.leader.Name, v.lease, ailment(v.leader))
	}
	c.Status = metav1.ConditionTrue
	return c
}

// observedChange tells of a leader that is another than before.
func (o *Observed) observedChange(v verdict, t term.Number) []Event {
	was := o.Policy.Status.CurrentHolder
	switch {
	case v.leader == nil && was == nil, v.leader != nil && was != nil && was.UID == v.leader.UID:
		return nil
	case v.leader == nil:
		return []Event{{Type: corev1.EventTypeWarning, Reason: EventLeaderLost,
			Note: fmt.Sprintf("nobody leads: %s led until now, and %s", was.Name, v.message)}}
	}
	note := fmt.Sprintf("%s leads in term %d: it holds Lease %s", v.leader.Name, t, v.lease)
	if was != nil {
		note = fmt.Sprintf("%s leads in term %d, after %s: it holds Lease %s", v.leader.Name, t, was.Name, v.lease)
	}
	events := []Event{{Type: corev1.EventTypeNormal, Reason: EventLeaderElected, Note: note}}
	if late := o.Program.late; late > 0 {
		events = append(events, Event{Type: corev1.EventTypeWarning, Reason: EventRenewedLate,
			Note: fmt.Sprintf("%s renewed Lease %s after %s, later than its leaseDurationSeconds, %d: meanwhile nobody seemed to lead; let the program write the duration that it keeps to",
				v.leader.Name, v.lease, late.Round(time.Second), o.Program.record.Lasts()/time.Second)})
	}
	return events
}
