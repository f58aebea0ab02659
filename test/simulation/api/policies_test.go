package api_test

import (
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/simulation/api"
)

func policies() map[string]func(*server) {
	return map[string]func(*server){
		"a status is written apart from the rest": func(s *server) {
			admin := s.as(api.Administrator)
			p := newPolicy(s)
			p.Status.Term = 7
			made(s, p)
			s.say("created with term %d, generation %d", p.Status.Term, p.Generation)
			before := p.DeepCopy()
			p.Status.Term = 8
			p.Spec.Service = &v1alpha1.LeaderService{Disabled: true}
			p.Annotations = map[string]string{"note": "1"}
			s.did("put status", admin.Status().Update(s.Context(), p))
			p = now(s, p)
			s.say("term %d, generation %d, spec changed: %v, annotated: %v, later: %v",
				p.Status.Term, p.Generation, p.Spec.Service != nil, p.Annotations != nil, later(before, p))
			p.Status.Term = 9
			p.Spec.Service = &v1alpha1.LeaderService{Disabled: true}
			s.did("put", admin.Update(s.Context(), p))
			p = now(s, p)
			s.say("term %d, generation %d, spec changed: %v", p.Status.Term, p.Generation, p.Spec.Service != nil)
		},
		"a status that is the same is not written": func(s *server) {
			p := made(s, newPolicy(s))
			p.Status.Term = 8
			s.must(s.as(api.Administrator).Status().Update(s.Context(), p))
			version := p.ResourceVersion
			s.did("put status", s.as(api.Administrator).Status().Update(s.Context(), p))
			s.say("the same version: %v", p.ResourceVersion == version)
		},
		"preconditions of a status": func(s *server) {
			admin := s.as(api.Administrator)
			p := made(s, newPolicy(s))
			old := p.DeepCopy()
			p.Status.Term = 8
			s.must(admin.Status().Update(s.Context(), p))
			old.Status.Term = 7
			s.did("old version", admin.Status().Update(s.Context(), old))
			other := p.DeepCopy()
			other.UID, other.Status.Term = types.UID("somebody-else"), 9
			s.did("another uid", admin.Status().Update(s.Context(), other))
			s.must(admin.Delete(s.Context(), p.DeepCopy()))
			s.did("deleted", admin.Status().Update(s.Context(), p.DeepCopy()))
			again := made(s, newPolicy(s))
			s.say("made again: another uid: %v, term %d", again.UID != p.UID, again.Status.Term)
			s.did("that of its predecessor", admin.Status().Update(s.Context(), p))
		},
		"a creation timestamp survives": func(s *server) {
			p := made(s, newPolicy(s))
			created := p.CreationTimestamp
			p.CreationTimestamp.Time = p.CreationTimestamp.AddDate(-1, 0, 0)
			s.did("put", s.as(api.Administrator).Update(s.Context(), note(p, "1")))
			s.say("kept: %v", now(s, p).CreationTimestamp.Equal(&created))
		},
		"deletion by whoever asks twice": func(s *server) {
			p := made(s, newPolicy(s))
			s.did("first", s.as(api.Somebody).Delete(s.Context(), p.DeepCopy()))
			s.did("second", s.as(api.Somebody).Delete(s.Context(), p.DeepCopy(), client.GracePeriodSeconds(0)))
		},
	}
}
