package api_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// bare waits until a pod bears nothing of zen-lead but, where it is in a pool, the label of that and the term of the role
// that it had: that one keeps late writes out.
func bare(ctx context.Context, s *scene.Scene, pod string) {
	GinkgoHelper()
	Eventually(ctx, func(g Gomega, ctx context.Context) {
		p := scene.Read(ctx, s, pod, &corev1.Pod{})
		g.Expect(p.Labels).NotTo(HaveKey(v1alpha1.RoleLabel))
		g.Expect(p.Annotations).NotTo(HaveKey(v1alpha1.RoleAnnotation))
		if p.Annotations[v1alpha1.PoolAnnotation] == "" {
			g.Expect(p.Annotations).NotTo(HaveKey(v1alpha1.TermAnnotation))
		}
		g.Expect(p.Labels[v1alpha1.PoolLabel]).To(Equal(p.Annotations[v1alpha1.PoolAnnotation]))
	}).Should(Succeed())
}

// dissolved waits until nothing of a pool is left but its empty Lease, which it returns.
func dissolved(ctx context.Context, s *scene.Scene, pool string) *coordinationv1.Lease {
	GinkgoHelper()
	lease := &coordinationv1.Lease{}
	Eventually(ctx, func(g Gomega, ctx context.Context) {
		scene.Read(ctx, s, pool, lease)
		g.Expect(lease.Spec.HolderIdentity).To(BeNil())
		g.Expect(lease.Annotations).NotTo(HaveKey(v1alpha1.HolderUIDAnnotation))
		g.Expect(lease.Spec.LeaseDurationSeconds).To(HaveValue(BeEquivalentTo(1)))
		ofPool := client.MatchingLabels{v1alpha1.PoolLabel: pool}
		var services corev1.ServiceList
		var slices discoveryv1.EndpointSliceList
		g.Expect(s.List(ctx, &services, client.InNamespace(s.Namespace), ofPool)).To(Succeed())
		g.Expect(s.List(ctx, &slices, client.InNamespace(s.Namespace), ofPool)).To(Succeed())
		g.Expect(services.Items).To(BeEmpty())
		g.Expect(slices.Items).To(BeEmpty())
	}).Should(Succeed())
	return lease
}

var _ = Describe("A pool", func() {
	var s *scene.Scene
	BeforeEach(func(ctx context.Context) { s = scene.New(ctx, c) })

	It("lets its leader go to another pool", func(ctx context.Context) {
		s.Policy(ctx, "web")
		s.Policy(ctx, "shop")
		s.Pod(ctx, "a", "web")
		s.Pod(ctx, "b", "web")
		s.Leads(ctx, "web", "a")
		s.SetAnnotation(ctx, "a", v1alpha1.PoolAnnotation, "shop")
		s.Leads(ctx, "web", "b")
		s.Leads(ctx, "shop", "a")
	}, limit)

	It("lets a member go: it bears no role any more", func(ctx context.Context) {
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		s.Pod(ctx, "b", "web")
		s.Leads(ctx, "web", "a")
		s.SetAnnotation(ctx, "b", v1alpha1.PoolAnnotation, "")
		bare(ctx, s, "b")
		s.SetAnnotation(ctx, "a", v1alpha1.PoolAnnotation, "")
		bare(ctx, s, "a")
		s.Leads(ctx, "web", "")
	}, limit)

	It("ends with its policy: what is left is the empty Lease; and a new policy goes on with a larger term", func(ctx context.Context) {
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		s.Pod(ctx, "b", "web")
		before := s.Leads(ctx, "web", "a")
		s.DeletePolicy(ctx, "web")
		lease := dissolved(ctx, s, "web")
		Expect(lease.UID).To(Equal(before.Lease.UID))
		Expect(lease.Annotations).To(HaveKeyWithValue(v1alpha1.TermBaseAnnotation, before.Lease.Annotations[v1alpha1.TermBaseAnnotation]))
		bare(ctx, s, "a")
		bare(ctx, s, "b")

		s.Policy(ctx, "web")
		after := s.Leads(ctx, "web", "a")
		Expect(after.Term).To(BeNumerically(">", before.Term))
		Expect(after.Lease.UID).To(Equal(before.Lease.UID))
	}, limit)

	It("begins a new term for a pod that was made again under the same name", func(ctx context.Context) {
		s.Policy(ctx, "web")
		s.Pod(ctx, "web-0", "web")
		before := s.Leads(ctx, "web", "web-0")
		s.DeletePod(ctx, "web-0")
		s.Pod(ctx, "web-0", "web")
		Eventually(ctx, func(ctx context.Context) int64 { return s.Leads(ctx, "web", "web-0").Term }).Should(BeNumerically(">", before.Term))
		Expect(s.Leads(ctx, "web", "web-0").UID).NotTo(Equal(before.UID))
	}, limit)

	It("knows that a pod was made again while no controller ran", func(ctx context.Context) {
		s.Policy(ctx, "web")
		s.Pod(ctx, "web-0", "web")
		before := s.Leads(ctx, "web", "web-0")
		withoutController(ctx, func() {
			s.DeletePod(ctx, "web-0")
			s.Pod(ctx, "web-0", "web")
		})
		Eventually(ctx, func(ctx context.Context) int64 { return s.Leads(ctx, "web", "web-0").Term }).Should(Equal(before.Term + 1))
	}, limit)

	It("is not disturbed by pools whose names begin like its own", func(ctx context.Context) {
		names := []string{"web", "web-1", "web-leader", "web-leader-leader", "we"}
		for _, name := range names {
			s.Policy(ctx, name)
			s.Pod(ctx, "of-"+name, name)
		}
		terms := map[string]int64{}
		for _, name := range names {
			terms[name] = s.Leads(ctx, name, "of-"+name).Term
		}
		s.DeletePod(ctx, "of-web")
		s.Leads(ctx, "web", "")
		s.DeletePolicy(ctx, "web-leader")
		dissolved(ctx, s, "web-leader")
		for _, name := range []string{"web-1", "web-leader-leader", "we"} {
			Expect(s.Leads(ctx, name, "of-"+name).Term).To(Equal(terms[name]), name)
		}
	}, limit)
})

var _ = Describe("What happened while no controller ran", func() {
	It("is put in order at its start", func(ctx context.Context) {
		s := scene.New(ctx, c)
		for _, name := range []string{"left", "changed", "gone", "kept"} {
			s.Policy(ctx, name)
			s.Pod(ctx, "of-"+name, name)
		}
		terms := map[string]int64{}
		for _, name := range []string{"left", "changed", "gone", "kept"} {
			terms[name] = s.Leads(ctx, name, "of-"+name).Term
		}
		withoutController(ctx, func() {
			s.SetAnnotation(ctx, "of-left", v1alpha1.PoolAnnotation, "")
			s.SetAnnotation(ctx, "of-changed", v1alpha1.PoolAnnotation, "kept")
			s.DeletePolicy(ctx, "gone")
		})
		bare(ctx, s, "of-left")
		bare(ctx, s, "of-gone")
		s.Leads(ctx, "left", "")
		s.Leads(ctx, "changed", "")
		dissolved(ctx, s, "gone")
		Expect(s.Leads(ctx, "kept", "of-kept").Term).To(Equal(terms["kept"]))
	}, limit)
})
