package pool

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validate/content"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

// handover is a request to move the lead once, judged.
type handover struct {
	// to is what the annotation says.
	to string
	// target is the member that leads afterwards; nil where the request is refused.
	target *Member
	// refused says why it is, "" where it is not.
	refused string
	// pending says what it waits for, "" where it is answered.
	pending string
}

// wanted says whether the lead is to be handed over.
func (h *handover) wanted() bool { return h != nil && h.target != nil }

// requested returns the pod that a handover is asked to, and whether one is asked for.
func (o *Observed) requested() (string, bool) {
	if o.Policy == nil {
		return "", false
	}
	to, ok := o.Policy.Annotations[v1alpha1.HandoverAnnotation]
	return to, ok
}

// handoverOf judges the request for a handover; nil where there is none.
func handoverOf(o *Observed, contended *contention) *handover {
	to, asked := o.requested()
	if !asked {
		return nil
	}
	h := &handover{to: to}
	m := memberNamed(o.Members, to)
	switch {
	case contended != nil && o.participates():
		h.refused = "Lease " + o.Name + " is in the hands of an elector that is not zen-lead's"
	case contended != nil:
		h.refused = "zen-lead does not hold Lease " + o.Name
	case o.Policy.Spec.Paused:
		h.refused = "the pool is paused (spec.paused)"
	case m == nil:
		h.refused = fmt.Sprintf("no pod of that name is a member of pool %s", o.Name)
	case !m.Candidate():
		h.refused = "it is " + ailment(m)
	case o.Stuck:
		h.refused = "the role of the present leader cannot be taken off; the controller's log says why"
	case m.Standing.Worse(bestOf(o.Members).Standing):
		h.refused = string(reasonOf[m.Standing]) + ", and others may lead whose node is not" // it would be moved away at once
	default:
		h.target = m
	}
	return h
}

func memberNamed(members []Member, name string) *Member {
	for i := range members {
		if members[i].Name == name {
			return &members[i]
		}
	}
	return nil
}

// targetName returns the name of the pod that the lead is to be handed over to, "" if no pod can have it.
func (o *Observed) targetName() string {
	to, _ := o.requested()
	if to == "" || len(content.IsPathSegmentName(to)) > 0 {
		return ""
	}
	return to
}

// outcome is what becomes of a handover in the term that record begins, or is in.
func (h *handover) outcome(record term.Record) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionHandover, Status: metav1.ConditionFalse}
	if h.target == nil {
		c.Reason = v1alpha1.ReasonRefused
		c.Message = fmt.Sprintf("%s: not handed over: %s", shown(h.to), h.refused)
		return c
	}
	if h.pending != "" {
		c.Reason, c.Message = v1alpha1.ReasonPending, fmt.Sprintf("%s: %s", h.to, h.pending)
		return c
	}
	c.Status, c.Reason = metav1.ConditionTrue, v1alpha1.ReasonDone
	c.Message = fmt.Sprintf("%s: leads in term %d", h.to, record.Term())
	return c
}

// shown is a pod's name as people wrote it; it may be anything.
func shown(name string) string {
	const longest = 253
	if name == "" || len(name) > longest {
		return fmt.Sprintf("%.*q", longest, name)
	}
	return name
}

// refusedEvent tells of a handover that is refused.
func (h *handover) refusedEvent(record term.Record) Event {
	return Event{Type: corev1.EventTypeWarning, Reason: v1alpha1.ConditionHandover, Note: h.outcome(record).Message}
}

// answer takes the request off the policy, unless it, or the policy, is another one by now. Its outcome is in the status already: who dies
// in between finds the target leading.
func (p *pass) answer(ctx context.Context, request *string) error {
	if request == nil {
		return nil
	}
	body, err := json.Marshal([]operation{{"test", uidPath, p.o.Policy.UID}, {"test", handoverPath, *request}, {Op: "remove", Path: handoverPath}})
	if err != nil {
		return fmt.Errorf("patch of the policy: %w", err)
	}
	policy := p.o.Policy.DeepCopy()
	err = p.bounded(ctx, func(ctx context.Context) error {
		return p.r.Client.Patch(ctx, policy, client.RawPatch(types.JSONPatchType, body))
	})
	switch {
	case apierrors.IsNotFound(err):
		return nil // the policy is gone
	case err != nil: // perhaps the request is another one by now
		return fmt.Errorf("%w: take the request for a handover off: %w", errStale, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.m.stepDowns = 0
	p.m.remember(policyKey, policy, p.now)
	return nil
}
