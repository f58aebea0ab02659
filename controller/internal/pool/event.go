package pool

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

// Reason says why a leader changed, as the event tells it.
type Reason string

// Reasons of a change.
const (
	ReasonFirst       Reason = "nobody led"
	ReasonGone        Reason = "its pod is gone or left the pool"
	ReasonReplaced    Reason = "its pod was replaced by another of the same name"
	ReasonTerminating Reason = "its pod is being deleted"
	ReasonTerminal    Reason = "its pod has ended"
	ReasonExcluded    Reason = "its pod was excluded"
	ReasonRenamed     Reason = "its identity was edited"
	ReasonNotReady    Reason = "its pod is not ready"
	ReasonLost        Reason = "its Lease was deleted"
	ReasonStranger    Reason = "it is no member and did not renew the Lease"
	ReasonHandover    Reason = "a handover was asked for"
	ReasonPreferred   Reason = "the policy prefers another"

	ReasonNodeLeaving      Reason = "its node is cordoned or about to go"
	ReasonNodeSilent       Reason = "its node has stopped to renew its Lease"
	ReasonNodeUnreachable  Reason = "its node is unreachable"
	ReasonNodeGone         Reason = "its node is gone"
	ReasonNodeOutOfService Reason = "its node is out of service"
)

// Reasons of events, beside the types of conditions, which events repeat.
const (
	EventLeaderElected = "LeaderElected"
	EventLeaderLost    = "LeaderLost"
	EventRenewedLate   = "RenewedLate"
	EventPolicyMissing = "PolicyMissing"
	EventInvalidJoin   = "InvalidJoin"
	EventPortMissing   = "PortMissing"
	EventServiceEdited = "ServiceEdited"
)

// Event is told about the policy, or about a member.
type Event struct {
	// Member is nil where the event is about the policy.
	Member *Member
	// Type is corev1.EventTypeNormal or corev1.EventTypeWarning.
	Type, Reason, Note string
}

// what tells events about one member apart.
func (e Event) what() string { return e.Reason + e.Note }

// eventsOf lists what has to be told once the plan is carried out.
func eventsOf(o Observed, e election, record term.Record, status *v1alpha1.LeaderPolicyStatus) []Event {
	var list []Event
	if e.record != nil {
		list = append(list, change(o, e, record))
	}
	for _, kind := range []string{
		v1alpha1.ConditionLeaseContended, v1alpha1.ConditionServiceConflict, v1alpha1.ConditionIdentityConflict, v1alpha1.ConditionFieldsUnused,
		v1alpha1.ConditionLeaderReachable,
	} {
		c := meta.FindStatusCondition(status.Conditions, kind)
		if c != nil && meta.FindStatusCondition(o.Policy.Status.Conditions, kind) == nil {
			list = append(list, Event{Type: corev1.EventTypeWarning, Reason: kind, Note: c.Message})
		}
	}
	if e.handover != nil && e.handover.target == nil {
		list = append(list, e.handover.refusedEvent(record))
	}
	for i := range o.Members {
		if m := &o.Members[i]; m.BadJoin != "" {
			list = append(list, Event{Member: m, Type: corev1.EventTypeWarning, Reason: EventInvalidJoin,
				Note: fmt.Sprintf("%s is %q, which is neither true nor false: it counts as false, the pod is not elected", v1alpha1.JoinAnnotation, m.BadJoin)})
		}
	}
	return list
}

func change(o Observed, e election, record term.Record) Event {
	was := o.Record.Holder.Identity
	if was == "" && e.replaced != nil {
		was = e.replaced.Name
	}
	switch {
	case e.leader == nil:
		return Event{Type: corev1.EventTypeWarning, Reason: EventLeaderLost,
			Note: fmt.Sprintf("nobody leads: %s led until now, %s, and %s", was, e.reason, noSuccessor(o))}
	case e.reason == ReasonFirst || was == "":
		return Event{Type: corev1.EventTypeNormal, Reason: EventLeaderElected,
			Note: fmt.Sprintf("%s leads in term %d: %s", e.leader.Name, record.Term(), e.reason)}
	default:
		return Event{Type: corev1.EventTypeNormal, Reason: EventLeaderElected,
			Note: fmt.Sprintf("%s leads in term %d, after %s: %s", e.leader.Name, record.Term(), was, e.reason)}
	}
}

func noSuccessor(o Observed) string {
	if o.Policy != nil && o.Policy.Spec.Paused {
		return "nobody is elected while spec.paused is true"
	}
	return "no member may be elected"
}

func missingPolicy(m *Member) Event {
	return Event{Member: m, Type: corev1.EventTypeWarning, Reason: EventPolicyMissing,
		Note: fmt.Sprintf("annotation %s names a LeaderPolicy that does not exist in this namespace", v1alpha1.PoolAnnotation)}
}

// serviceEvents tells what people should know of a Service that is about to be written.
func serviceEvents(o Observed, p Plan) []Event {
	var list []Event
	if p.Service != nil && o.Service != nil && len(o.Service.Spec.Selector) > 0 {
		list = append(list, Event{Type: corev1.EventTypeWarning, Reason: EventServiceEdited,
			Note: fmt.Sprintf("the selector of Service %s was taken off: it would send traffic to followers too", p.Service.Name)})
	}
	if p.Leader == nil || len(p.Slices) == 0 || o.Service == nil {
		return list
	}
	for _, port := range o.Service.Spec.Ports {
		if target := o.target(port); numberOn(p.Leader, target, port.Protocol) == 0 {
			list = append(list, Event{Type: corev1.EventTypeWarning, Reason: EventPortMissing,
				Note: fmt.Sprintf("port %s of Service %s goes nowhere: %s has no port named %s", port.Name, o.Service.Name, p.Leader.Name, target.String())})
		}
	}
	return list
}
