package api_test

import (
	"strconv"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/simulation/api"
)

// put writes a record on a Lease and says the outcome; the Lease is as before where it was refused.
func (s *server) put(what string, l *coordinationv1.Lease, base int64, transitions int32, holder, uid string) {
	next := l.DeepCopy()
	next.Annotations = map[string]string{v1alpha1.HolderUIDAnnotation: uid}
	if base != 0 {
		next.Annotations[v1alpha1.TermBaseAnnotation] = strconv.FormatInt(base, 10)
	}
	next.Spec.LeaseTransitions, next.Spec.HolderIdentity = &transitions, nil
	if holder != "" {
		next.Spec.HolderIdentity = &holder
	}
	if s.did(what, s.as(api.Controller).Update(s.Context(), next)) {
		*l = *next
	}
}

func version(o *coordinationv1.Lease) int64 {
	v, err := strconv.ParseInt(o.ResourceVersion, 10, 64)
	if err != nil {
		return 0
	}
	return v
}

func admission() map[string]func(*server) {
	return map[string]func(*server){
		"the guard of Leases": func(s *server) {
			born := newLease(s)
			born.Annotations = map[string]string{v1alpha1.TermBaseAnnotation: "5"}
			s.did("created with a base", s.as(api.Controller).Create(s.Context(), born))
			l := made(s, newLease(s))
			s.put("a base below the version", l, version(l)-1, 1, "a", "u")
			base := version(l)
			s.put("more transitions than a new one may have", l, base, 1000001, "a", "u")
			s.put("a base that is too large", l, 9007194959773697, 1, "a", "u")
			s.put("the first grant", l, base, 1, "a", "u")
			s.put("another base", l, base+1, 1, "a", "u")
			s.put("no base", l, 0, 1, "a", "u")
			s.put("fewer transitions", l, base, 0, "a", "u")
			s.put("two transitions", l, base, 3, "b", "v")
			s.put("another holder without a transition", l, base, 1, "b", "v")
			s.put("another UID without a transition", l, base, 1, "a", "v")
			s.put("a renewal", l, base, 1, "a", "u")
			s.put("a move", l, base, 2, "b", "v")
			s.did("deleted by somebody", s.as(api.Somebody).Delete(s.Context(), l.DeepCopy()))
			s.put("emptied", l, base, 2, "", "")
			s.put("granted again", l, base, 3, "b", "v")
			s.did("deleted by an administrator", s.as(api.Administrator).Delete(s.Context(), l.DeepCopy()))
		},
		"an empty Lease may go": func(s *server) {
			l := made(s, newLease(s))
			s.put("granted", l, version(l), 1, "a", "u")
			s.put("emptied", l, version(l), 1, "", "")
			base, err := strconv.ParseInt(l.Annotations[v1alpha1.TermBaseAnnotation], 10, 64)
			s.must(err)
			s.put("emptied", l, base, 1, "", "")
			s.did("deleted by somebody", s.as(api.Somebody).Delete(s.Context(), l))
		},
		"the labels of members": func(s *server) {
			admin := s.as(api.Administrator)
			p := made(s, newPod(s, "x", "web"))
			s.say("created: %v", p.Labels)
			p.Labels = map[string]string{"app": "web"}
			s.must(admin.Update(s.Context(), p))
			s.say("label taken off: %v", p.Labels)
			p.Annotations[v1alpha1.PoolAnnotation] = "other"
			s.must(admin.Update(s.Context(), p))
			s.say("another pool: %v", p.Labels)
			delete(p.Annotations, v1alpha1.PoolAnnotation)
			s.must(admin.Update(s.Context(), p))
			s.say("no pool: %v", p.Labels)
			q := newPod(s, "y", "")
			q.Labels = map[string]string{v1alpha1.PoolLabel: "web"}
			made(s, q)
			s.say("a label alone: %v", q.Labels)
			p.Status.Phase = corev1.PodRunning
			s.must(admin.Status().Update(s.Context(), p))
			s.say("after a status: %v", p.Labels)
		},
	}
}
