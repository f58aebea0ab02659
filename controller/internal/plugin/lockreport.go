package plugin

import (
	"cmp"
	"context"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// LockReport is what lock list and lock show print as JSON or YAML.
type LockReport struct {
	Locks []Lock `json:"locks"`
}

// Lock is one lock of a LockReport.
type Lock struct {
	Namespace   string `json:"namespace"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Holder is nil where nobody holds it.
	Holder *v1alpha1.LockHolder `json:"holder,omitempty"`
	Token  int64                `json:"token,omitempty"`
	// Waiting is how many waited when that was last written down; Waiters are the first of them.
	Waiting        int32                    `json:"waiting"`
	Waiters        []v1alpha1.LockWaiter    `json:"waiters,omitempty"`
	LastTransition *v1alpha1.LockTransition `json:"lastTransition,omitempty"`
	TTLSeconds     *v1alpha1.TTLBounds      `json:"ttlSeconds,omitempty"`
	MaxWaiters     *int32                   `json:"maxWaiters,omitempty"`
	// Asked is the annotation by which somebody asks for the lock to be taken from its holder.
	Asked string `json:"forceRelease,omitempty"`
}

// gatherLocks reads locks: one by its name, or with "" all of a namespace, or with namespace "" of the cluster.
func gatherLocks(ctx context.Context, c client.Reader, namespace, name string) (LockReport, error) {
	var list v1alpha1.ManualLockList
	if name != "" {
		l, err := manualLock(ctx, c, namespace, name)
		if err != nil {
			return LockReport{}, err
		}
		list.Items = append(list.Items, *l)
	} else if err := c.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return LockReport{}, lockAdvice(err, namespace, "")
	}
	report := LockReport{Locks: []Lock{}}
	for i := range list.Items {
		report.Locks = append(report.Locks, lockOf(&list.Items[i]))
	}
	slices.SortFunc(report.Locks, func(a, b Lock) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return report, nil
}

func lockOf(m *v1alpha1.ManualLock) Lock {
	l := Lock{
		Namespace: m.Namespace, Name: m.Name, Description: m.Spec.Description, Token: m.Status.Token, Waiters: m.Status.Waiters,
		LastTransition: m.Status.LastTransition, TTLSeconds: m.Spec.TTLSeconds, MaxWaiters: m.Spec.MaxWaiters,
		Asked: m.Annotations[v1alpha1.ForceReleaseAnnotation],
	}
	if len(m.Status.Holders) > 0 {
		l.Holder = &m.Status.Holders[0]
	}
	if m.Status.Waiting != nil {
		l.Waiting = *m.Status.Waiting
	}
	return l
}

// holder is what people call whoever holds it; "" for nobody.
func (l *Lock) holder() string {
	if l.Holder == nil {
		return ""
	}
	return called(l.Holder.Owner, l.Holder.Account, l.Holder.RequestID)
}

// last is what happened last, for people; "" if nothing did.
func (l *Lock) last() string {
	if l.LastTransition == nil {
		return ""
	}
	return plain(cmp.Or(l.LastTransition.Message, l.LastTransition.Reason))
}

// forced is who takes it from its holder, and why; "" if nobody does.
func (l *Lock) forced() string {
	switch {
	case l.Holder == nil:
		return ""
	case l.Holder.Forced != nil:
		return plain(l.Holder.Forced.By) + ": " + plain(l.Holder.Forced.Reason)
	case l.Asked == "":
		return ""
	}
	order, err := v1alpha1.ParseForceRelease(l.Asked)
	if err != nil || order.Token != l.Holder.Token {
		return ""
	}
	return plain(order.By) + ": " + plain(order.Reason)
}
