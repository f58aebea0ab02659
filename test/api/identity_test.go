package api_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

var _ = Describe("A pool whose members have identities of their own", func() {
	custom := func(p *v1alpha1.LeaderPolicy) { p.Spec.IdentityStrategy = v1alpha1.IdentityCustom }
	identity := func(name string) scene.Option { return scene.Annotate(v1alpha1.IdentityAnnotation, name) }

	It("names them in the Lease", func(ctx context.Context) {
		s := scene.New(ctx, c)
		s.Policy(ctx, "web", custom)
		s.Pod(ctx, "a", "web", identity("blue"))
		Expect(s.Leads(ctx, "web", "a").Lease.Spec.HolderIdentity).To(HaveValue(Equal("blue")))
		s.Pod(ctx, "b", "web", identity("green"))
		s.DeletePod(ctx, "a")
		Expect(s.Leads(ctx, "web", "b").Lease.Spec.HolderIdentity).To(HaveValue(Equal("green")))
	}, limit)

	It("says which of two with one identity is refused, until the other is gone", func(ctx context.Context) {
		s := scene.New(ctx, c)
		s.Policy(ctx, "web", custom)
		s.Pod(ctx, "a", "web", identity("blue"))
		s.Leads(ctx, "web", "a")
		s.Pod(ctx, "b", "web", identity("blue"))
		conflict := func(ctx context.Context) string {
			state, err := s.Look(ctx, "web")
			if c := state.Condition(v1alpha1.ConditionIdentityConflict); err == nil && c != nil {
				return c.Reason + ": " + c.Message
			}
			return ""
		}
		Eventually(ctx, conflict).Should(Equal(`SameIdentity: b is not elected: a has the same zen-lead/identity, "blue"`))
		s.SetReady(ctx, "a", false) // nobody else may be elected
		Eventually(ctx, func(ctx context.Context) string {
			state, _ := s.Look(ctx, "web")
			return state.Condition(v1alpha1.ConditionLeaderElected).Reason
		}).Should(Equal(v1alpha1.ReasonLeaderKept))
		state := s.Leads(ctx, "web", "a")
		Expect(state.Condition(v1alpha1.ConditionIdentityConflict)).NotTo(BeNil())

		s.DeletePod(ctx, "a")
		state = s.Leads(ctx, "web", "b")
		Expect(state.Condition(v1alpha1.ConditionIdentityConflict)).To(BeNil())
	}, limit)

	It("lets a leader whose identity is edited lead on, in a larger term", func(ctx context.Context) {
		s := scene.New(ctx, c)
		s.Policy(ctx, "web", custom)
		s.Pod(ctx, "a", "web", identity("blue"))
		before := s.Leads(ctx, "web", "a")
		s.SetAnnotation(ctx, "a", v1alpha1.IdentityAnnotation, "green")
		Eventually(ctx, func(ctx context.Context) int64 { return s.Leads(ctx, "web", "a").Term }).Should(Equal(before.Term + 1))
	}, limit)

	It("does not elect a member without one, and says so", func(ctx context.Context) {
		s := scene.New(ctx, c)
		s.Policy(ctx, "web", custom)
		s.Pod(ctx, "a", "web")
		s.Pod(ctx, "b", "web", identity("green"))
		state := s.Leads(ctx, "web", "b")
		c := state.Condition(v1alpha1.ConditionIdentityConflict)
		Expect(c).To(HaveValue(HaveField("Reason", v1alpha1.ReasonInvalidIdentity)))
		Expect(c.Message).To(ContainSubstring("a is not elected"))
	}, limit)
})
