package api_test

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// edit changes a policy, whatever else is written on it meanwhile.
func edit(ctx context.Context, s *scene.Scene, name string, f func(*v1alpha1.LeaderPolicy)) {
	GinkgoHelper()
	Eventually(ctx, func(ctx context.Context) error {
		p := scene.Read(ctx, s, name, &v1alpha1.LeaderPolicy{})
		f(p)
		return s.Update(ctx, p)
	}).Should(Succeed())
}

func askHandover(ctx context.Context, s *scene.Scene, pool, pod string) {
	GinkgoHelper()
	edit(ctx, s, pool, func(p *v1alpha1.LeaderPolicy) {
		metav1.SetMetaDataAnnotation(&p.ObjectMeta, v1alpha1.HandoverAnnotation, pod)
	})
}

// answered waits until no handover is asked for, and returns the outcome of the last.
func answered(ctx context.Context, s *scene.Scene, pool string) string {
	GinkgoHelper()
	var outcome string
	Eventually(ctx, func(ctx context.Context) error {
		state, err := s.Look(ctx, pool)
		if err != nil {
			return err
		}
		if to, waits := state.Policy.Annotations[v1alpha1.HandoverAnnotation]; waits {
			return fmt.Errorf("the handover to %q is not answered", to)
		}
		c := state.Condition(v1alpha1.ConditionHandover)
		if c == nil {
			return fmt.Errorf("no outcome")
		}
		outcome = c.Reason + ": " + c.Message
		return nil
	}).Should(Succeed())
	return outcome
}

var _ = Describe("A pool with preferences", func() {
	weight := func(w int32, change func(*v1alpha1.PreferenceWeight)) v1alpha1.PreferenceWeight {
		e := v1alpha1.PreferenceWeight{Weight: &w}
		change(&e)
		return e
	}
	zoneOf := func(s *scene.Scene) string { return "zone-" + s.Namespace }
	prefers := func(s *scene.Scene, failBack *v1alpha1.FailBack) func(*v1alpha1.LeaderPolicy) {
		return func(p *v1alpha1.LeaderPolicy) {
			p.Spec.Preference = &v1alpha1.Preference{FailBack: failBack, Weights: []v1alpha1.PreferenceWeight{
				weight(100, func(e *v1alpha1.PreferenceWeight) { e.Zone = zoneOf(s) }),
				weight(50, func(e *v1alpha1.PreferenceWeight) { e.PodLabels = map[string]string{"tier": "large"} }),
			}}
		}
	}
	node := func(ctx context.Context, s *scene.Scene, labels map[string]string) string {
		GinkgoHelper()
		n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-" + s.Namespace, Labels: labels}}
		Expect(s.Create(ctx, n)).To(Succeed())
		DeferCleanup(func(ctx context.Context) { Expect(s.Delete(ctx, n)).To(Succeed()) })
		return n.Name
	}
	large := func(p *corev1.Pod) { p.Labels = map[string]string{"tier": "large"} }

	It("elects the candidate of the largest weight, and keeps it", func(ctx context.Context) {
		s := scene.New(ctx, c)
		s.Policy(ctx, "web", prefers(s, nil))
		s.Pod(ctx, "a", "web")
		s.Leads(ctx, "web", "a")
		s.Pod(ctx, "b", "web")
		s.Pod(ctx, "c", "web", large)
		s.DeletePod(ctx, "a")
		s.Leads(ctx, "web", "c")
		s.Pod(ctx, "d", "web", scene.OnNode(node(ctx, s, map[string]string{corev1.LabelTopologyZone: zoneOf(s)})))
		Consistently(ctx, func(ctx context.Context) string { return s.Leads(ctx, "web", "c").Leader }, "1s").Should(Equal("c"))
	}, limit)

	It("moves the lead back where the policy wants that, also when a node gets the label later", func(ctx context.Context) {
		s := scene.New(ctx, c)
		s.Policy(ctx, "web", prefers(s, &v1alpha1.FailBack{AfterSeconds: 1}))
		s.Pod(ctx, "a", "web")
		s.Leads(ctx, "web", "a")
		s.Pod(ctx, "b", "web", large)
		s.Leads(ctx, "web", "b")
		name := node(ctx, s, nil)
		s.Pod(ctx, "c", "web", scene.OnNode(name))
		Expect(s.Patch(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}, scene.MetadataPatch("labels", corev1.LabelTopologyZone, zoneOf(s)))).To(Succeed())
		s.Leads(ctx, "web", "c")
	}, limit)
})

var _ = Describe("A handover", func() {
	It("moves the lead to the pod that is asked for, once", func(ctx context.Context) {
		s := scene.New(ctx, c)
		s.Policy(ctx, "web")
		for _, name := range []string{"a", "b", "c"} {
			s.Pod(ctx, name, "web")
		}
		before := s.Leads(ctx, "web", "a")
		askHandover(ctx, s, "web", "c")
		state := s.Leads(ctx, "web", "c")
		Expect(state.Term).To(Equal(before.Term + 1))
		Expect(answered(ctx, s, "web")).To(Equal(fmt.Sprintf("Done: c: leads in term %d", state.Term)))
		s.DeletePod(ctx, "c")
		s.Leads(ctx, "web", "a")
		askHandover(ctx, s, "web", "b")
		s.Leads(ctx, "web", "b")
		Expect(answered(ctx, s, "web")).To(HavePrefix("Done: b"))
	}, limit)

	It("is refused with the reason, and moves nobody", func(ctx context.Context) {
		s := scene.New(ctx, c)
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		s.Pending(ctx, "b", "web")
		s.Leads(ctx, "web", "a")
		for to, why := range map[string]string{
			"b": "Refused: b: not handed over: it is not ready",
			"x": "Refused: x: not handed over: no pod of that name is a member of pool web",
		} {
			askHandover(ctx, s, "web", to)
			Expect(answered(ctx, s, "web")).To(Equal(why))
		}
		s.SetReady(ctx, "b", true)
		edit(ctx, s, "web", func(p *v1alpha1.LeaderPolicy) { p.Spec.Paused = true })
		askHandover(ctx, s, "web", "b")
		Expect(answered(ctx, s, "web")).To(Equal("Refused: b: not handed over: the pool is paused (spec.paused)"))
		s.Leads(ctx, "web", "a")
	}, limit)

	It("of two at once answers the later one", func(ctx context.Context) {
		s := scene.New(ctx, c)
		s.Policy(ctx, "web")
		for _, name := range []string{"a", "b", "c"} {
			s.Pod(ctx, name, "web")
		}
		s.Leads(ctx, "web", "a")
		askHandover(ctx, s, "web", "b")
		askHandover(ctx, s, "web", "c")
		s.Leads(ctx, "web", "c")
		Expect(answered(ctx, s, "web")).To(HavePrefix("Done: c"))
	}, limit)
})

var _ = Describe("A paused pool", func() {
	It("moves for nothing, says so, and goes on afterwards", func(ctx context.Context) {
		s := scene.New(ctx, c)
		s.Policy(ctx, "web", func(p *v1alpha1.LeaderPolicy) { p.Spec.Paused = true })
		s.Pod(ctx, "a", "web")
		reason := func(ctx context.Context) string {
			state, err := s.Look(ctx, "web")
			if c := state.Condition(v1alpha1.ConditionLeaderElected); err == nil && c != nil {
				return string(c.Status) + " " + c.Reason
			}
			return ""
		}
		Eventually(ctx, reason).Should(Equal("False Paused"))
		edit(ctx, s, "web", func(p *v1alpha1.LeaderPolicy) { p.Spec.Paused = false })
		s.Leads(ctx, "web", "a")
		s.Pod(ctx, "b", "web")
		edit(ctx, s, "web", func(p *v1alpha1.LeaderPolicy) { p.Spec.Paused = true })
		Eventually(ctx, reason).Should(Equal("True Paused"))
		s.SetReady(ctx, "a", false)
		Consistently(ctx, func(ctx context.Context) string { return s.Leads(ctx, "web", "a").Leader }, "1s").Should(Equal("a"))
		edit(ctx, s, "web", func(p *v1alpha1.LeaderPolicy) { p.Spec.Paused = false })
		s.Leads(ctx, "web", "b")
	}, limit)
})
