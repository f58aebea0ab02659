package api_test

import (
	"context"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

var _ = Describe("A controller that is confined to a namespace", func() {
	It("does there, with that namespace's rights, what another does for all, and nothing elsewhere", func(ctx context.Context) {
		s, elsewhere := scene.New(ctx, c), scene.New(ctx, c)
		root, err := zenlead.Root()
		Expect(err).NotTo(HaveOccurred())
		Expect(c.Kubectl(ctx, "apply", "-n", s.Namespace, "-k", filepath.Join(root, "controller/config/tenant"))).Error().NotTo(HaveOccurred())
		kubeconfig := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
		Expect(c.KubeconfigFor(ctx, s.Namespace, zenlead.Account, kubeconfig)).To(Succeed())
		withoutController(ctx, func() {
			tenant, err := zenlead.Start(ctx, c, zenlead.Options{Kubeconfig: kubeconfig, Args: []string{"--watch-namespaces=" + s.Namespace}})
			Expect(err).NotTo(HaveOccurred())
			defer func() { Expect(tenant.Kill()).To(Succeed()) }()
			for _, where := range []*scene.Scene{elsewhere, s} {
				where.Policy(ctx, "web", func(p *v1alpha1.LeaderPolicy) {
					p.Spec.Preference = &v1alpha1.Preference{Weights: []v1alpha1.PreferenceWeight{
						{Weight: new(int32(10)), Zone: "a"}, {Weight: new(int32(5)), PodLabels: map[string]string{"tier": "large"}},
					}}
				})
				for _, name := range []string{"a", "b", "c"} {
					where.Pod(ctx, name, "web")
				}
			}
			s.SetLabel(ctx, "c", "tier", "large")
			state := s.Leads(ctx, "web", "a")
			Expect(state.Condition(v1alpha1.ConditionFieldsUnused)).To(HaveValue(HaveField("Reason", v1alpha1.ReasonNodesUnknown)))
			s.DeletePod(ctx, "a")
			s.Leads(ctx, "web", "c")
			askHandover(ctx, s, "web", "b")
			s.Leads(ctx, "web", "b")
			Expect(scene.Read(ctx, elsewhere, "web", &v1alpha1.LeaderPolicy{}).Status.Phase).To(BeEmpty())
			s.Policy(ctx, "contended", func(p *v1alpha1.LeaderPolicy) { p.Spec.Mode, p.Spec.Failover = v1alpha1.ModeParticipant, acceptsTaint })
			contends(ctx, s, "contended", s.Pod(ctx, "d", "contended"))
			state = s.Leads(ctx, "contended", "d")
			Expect(state.Condition(v1alpha1.ConditionFieldsUnused)).To(
				HaveValue(HaveField("Message", HavePrefix("spec.failover.outOfServiceTaint: proves nobody dead"))))
			Expect(tenant.Lines("forbidden")).To(BeEmpty(), "it asks for nothing that it may not have")
			s.DeletePolicy(ctx, "web")
			Eventually(ctx, func(ctx context.Context) string { return *orEmpty(s.Lease(ctx, "web").Spec.HolderIdentity) }).Should(BeEmpty())
		})
		elsewhere.Leads(ctx, "web", "a")
	}, limit)
})

func orEmpty(s *string) *string {
	if s == nil {
		return new("")
	}
	return s
}
