package locks

import (
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

func TestAnOrderThatCannotBeObeyedAtOnceIsNotForgotten(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		r.has(t, "a")
		r.self.set("h1", false)
		o := r.w.objects[report].DeepCopy()
		o.Annotations = map[string]string{v1alpha1.ForceReleaseAnnotation: `{"token":100,"by":"op","reason":"stuck"}`}
		r.saw(o)
		<-time.After(2 * time.Second)
		r.self.set("h1", true)
		<-time.After(3 * time.Second)
		if s := r.w.status(); len(s.Holders) != 1 || s.Holders[0].Forced == nil {
			t.Errorf("%+v", s.Holders)
		}
	})
}
