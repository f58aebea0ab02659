package api

import (
	"regexp"
	"strconv"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// admit does what the shipped admission policies do; old is nil for a creation, next for a deletion. next may be changed.
func (s *Server) admit(u User, k Kind, old, next client.Object) error {
	switch {
	case k == Pod && next != nil:
		label(next.(*corev1.Pod))
	case k == Lease && !s.Unguarded:
		var before, after *coordinationv1.Lease
		if old != nil {
			before = old.(*coordinationv1.Lease)
		}
		if next != nil {
			after = next.(*coordinationv1.Lease)
		}
		if why := guard(u, before, after); why != "" {
			return unprocessable(Lease, firstOf(before, after).Name, "ValidatingAdmissionPolicy 'zen-lead-lease' denied request: %s", why)
		}
	}
	return nil
}

func firstOf(before, after *coordinationv1.Lease) *coordinationv1.Lease {
	if before != nil {
		return before
	}
	return after
}

var poolName = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)

// label is MutatingAdmissionPolicy zen-lead-label.
func label(p *corev1.Pod) {
	pool := p.Annotations[v1alpha1.PoolAnnotation]
	if !poolName.MatchString(pool) {
		delete(p.Labels, v1alpha1.PoolLabel)
		return
	}
	if p.Labels[v1alpha1.PoolLabel] == pool {
		return
	}
	if p.Labels == nil {
		p.Labels = map[string]string{}
	}
	p.Labels[v1alpha1.PoolLabel] = pool
}

// largestBase keeps terms below 2^53.
const largestBase = 9007194959773696

// largestStart is how many transitions a Lease may have counted before it becomes a pool's.
const largestStart = 1000000

var baseForm = regexp.MustCompile(`^[1-9][0-9]{0,15}$`)

// guard is ValidatingAdmissionPolicy zen-lead-lease; it returns why a write is denied, "" if it is not.
func guard(u User, old, next *coordinationv1.Lease) string {
	was, is := factsOf(old), factsOf(next)
	if was.base == "" && is.base == "" {
		return ""
	}
	switch {
	case old == nil:
		return "a Lease is created without term-base"
	case next == nil:
		if was.holder != "" && u != Administrator {
			return "held by " + was.holder
		}
		return ""
	case was.base == "" && is.transitions > largestStart:
		return "too many transitions"
	case was.base == "" && !firstBase(is.base, old.ResourceVersion):
		return "term-base must be at least the resourceVersion that the write replaces"
	case was.base != "" && is.base != was.base:
		return "term-base is immutable"
	}
	grants := is.transitions - was.transitions
	switch {
	case grants != 0 && grants != 1 && (grants < 0 || is.holder != "" || u != Controller):
		return "transitions may only grow, by one"
	case is.holder != "" && grants == 0 && (is.holder != was.holder || is.uid != was.uid):
		return "transitions must grow by one with a new holder"
	}
	return ""
}

func firstBase(base, replaced string) bool {
	b, err := strconv.ParseInt(base, 10, 64)
	v, err2 := strconv.ParseInt(replaced, 10, 64)
	return err == nil && err2 == nil && baseForm.MatchString(base) && b >= v && b <= largestBase
}

type facts struct {
	base, holder, uid string
	transitions       int32
}

func factsOf(l *coordinationv1.Lease) (f facts) {
	if l == nil {
		return f
	}
	f.base, f.uid = l.Annotations[v1alpha1.TermBaseAnnotation], l.Annotations[v1alpha1.HolderUIDAnnotation]
	if l.Spec.HolderIdentity != nil {
		f.holder = *l.Spec.HolderIdentity
	}
	if l.Spec.LeaseTransitions != nil {
		f.transitions = *l.Spec.LeaseTransitions
	}
	return f
}
