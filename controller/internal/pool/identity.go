package pool

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// longestIdentity is how many bytes an identity may have.
const longestIdentity = 253

// identified returns a copy of what was observed with the members named as the policy wants. Of two members with one identity one
// is refused: not the one that the record names, then not the oldest. A pod that has ended needs its identity no more.
func (o *Observed) identified() Observed {
	named := *o
	named.Members = slices.Clone(o.Members)
	if o.Policy == nil || o.Policy.Spec.IdentityStrategy != v1alpha1.IdentityCustom {
		return named
	}
	owner := map[string]*Member{}
	claim := func(m *Member) {
		switch m.Identity = m.CustomIdentity; {
		case m.Identity == "" || len(m.Identity) > longestIdentity:
			m.Refused = &refusal{reason: v1alpha1.ReasonInvalidIdentity}
			if string(m.UID) == o.Record.Holder.UID {
				m.Identity = o.Record.Holder.Identity // as whom it leads, until another may
			}
		case m.Terminal:
		case owner[m.Identity] != nil:
			m.Refused = &refusal{reason: v1alpha1.ReasonSameIdentity, by: owner[m.Identity].Name}
		default:
			owner[m.Identity] = m
		}
	}
	holder := types.UID(o.Record.Holder.UID)
	for i := range named.Members {
		if named.Members[i].UID == holder {
			claim(&named.Members[i])
		}
	}
	for i := range named.Members {
		if named.Members[i].UID != holder {
			claim(&named.Members[i])
		}
	}
	return named
}

// refusal says why a member's identity keeps it from being elected.
type refusal struct {
	reason string
	// by is the member that has the identity; "" where it is invalid.
	by string
}

// identityConflict tells of the oldest member that is refused; there may be more.
func identityConflict(o Observed) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionIdentityConflict, Status: metav1.ConditionFalse}
	i := slices.IndexFunc(o.Members, func(m Member) bool { return m.Refused != nil })
	if i < 0 {
		return c
	}
	m := &o.Members[i]
	c.Status, c.Reason = metav1.ConditionTrue, m.Refused.reason
	if m.Refused.by == "" {
		c.Message = fmt.Sprintf("%s is not elected: its annotation %s must have 1 to %d bytes", m.Name, v1alpha1.IdentityAnnotation, longestIdentity)
	} else {
		c.Message = fmt.Sprintf("%s is not elected: %s has the same %s, %q", m.Name, m.Refused.by, v1alpha1.IdentityAnnotation, m.Identity)
	}
	return c
}

// publishedName returns the name of the pod that status or slices give to a UID, "" if they name none.
func publishedName(o *Observed, uid types.UID) string {
	if h := o.Policy.Status.CurrentHolder; h != nil && h.UID == uid {
		return h.Name
	}
	for i := range o.Slices {
		for _, e := range o.Slices[i].Endpoints {
			if t := e.TargetRef; t != nil && t.Kind == "Pod" && t.UID == uid {
				return t.Name
			}
		}
	}
	return ""
}

// identityOf reads the annotation, as it stands.
func identityOf(p *corev1.Pod) string { return p.Annotations[v1alpha1.IdentityAnnotation] }
