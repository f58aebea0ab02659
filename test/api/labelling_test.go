package api_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

const labeller = "zen-lead-label"

// withoutLabeller takes the policy that labels pods away, until afterwards is done.
func withoutLabeller(ctx context.Context, s *scene.Scene, kind string, happen func()) {
	GinkgoHelper()
	Expect(c.Kubectl(ctx, "delete", kind, labeller)).Error().NotTo(HaveOccurred())
	defer func() { Expect(zenlead.Install(ctx, c)).To(Succeed()) }()
	Eventually(ctx, func(ctx context.Context) map[string]string { // it acts a little longer than it is there
		p := s.NewPod("probe", "web")
		Expect(s.Create(ctx, p)).To(Succeed())
		s.DeletePod(ctx, "probe")
		return p.Labels
	}).Should(BeEmpty())
	happen()
}

// says waits until the controller has logged a line that holds text, n times.
func says(ctx context.Context, text string, n int) {
	GinkgoHelper()
	Eventually(ctx, func() ([]string, error) { return controller.Lines(text) }).Should(HaveLen(n))
}

var _ = Describe("The label zen-lead/pool", func() {
	var s *scene.Scene
	BeforeEach(func(ctx context.Context) { s = scene.New(ctx, c) })

	const byServer, byController = "The API server labels members", "No admission policy labels members"

	DescribeTable("is written by the controller where nobody else does, which it finds out while it runs", func(ctx context.Context, kind string) {
		withoutController(ctx, func() {}) // a log of its own
		says(ctx, byServer, 1)
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		before := s.Leads(ctx, "web", "a")
		withoutLabeller(ctx, s, kind, func() {
			says(ctx, byController, 1)
			Expect(controller.AwaitReady(ctx)).To(Succeed())
			Expect(s.Pod(ctx, "b", "web").Labels).To(BeEmpty())
			s.Pod(ctx, "bad", "")
			Expect(s.Leads(ctx, "web", "a").Pods).To(HaveLen(2)) // Look compares label and annotation
			s.SetLabel(ctx, "b", v1alpha1.PoolLabel, "")
			s.SetLabel(ctx, "b", v1alpha1.RoleLabel, "")
			s.Leads(ctx, "web", "a")
			s.SetAnnotation(ctx, "b", v1alpha1.PoolAnnotation, "")
			bare(ctx, s, "b")
			s.SetAnnotation(ctx, "b", v1alpha1.PoolAnnotation, "web")
			s.DeletePod(ctx, "a")
			s.Leads(ctx, "web", "b")
		})
		says(ctx, byServer, 2)
		Expect(controller.AwaitReady(ctx)).To(Succeed())
		Expect(s.Pod(ctx, "c", "web").Labels).To(HaveKeyWithValue(v1alpha1.PoolLabel, "web"))
		s.DeletePod(ctx, "b")
		Expect(s.Leads(ctx, "web", "c").Term).To(BeNumerically(">", before.Term+1))
	},
		Entry("without the policy", limit, "mutatingadmissionpolicy"),
		Entry("without its binding", limit, "mutatingadmissionpolicybinding"),
	)

	It("is put on pods that are older than the installation", func(ctx context.Context) {
		withoutController(ctx, func() {
			withoutLabeller(ctx, s, "mutatingadmissionpolicybinding", func() {
				s.Pending(ctx, "a", "web")
				p := scene.Read(ctx, s, "a", &corev1.Pod{})
				Expect(p.Labels).To(BeEmpty())
				s.SetStatus(ctx, "a", corev1.PodStatus{ // one write: an update through the policy would label it
					Phase: corev1.PodRunning, PodIP: "10.8.0.1", PodIPs: []corev1.PodIP{{IP: "10.8.0.1"}},
					Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
				})
			})
			Expect(scene.Read(ctx, s, "a", &corev1.Pod{}).Labels).To(BeEmpty())
		})
		says(ctx, byServer, 1)
		s.Policy(ctx, "web")
		s.Leads(ctx, "web", "a")
	}, limit)
})
