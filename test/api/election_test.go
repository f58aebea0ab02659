package api_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

var _ = Describe("An election", func() {
	var s *scene.Scene
	BeforeEach(func(ctx context.Context) {
		s = scene.New(ctx, c)
		s.Policy(ctx, "web")
	})

	It("makes the one ready member leader, and nobody before", func(ctx context.Context) {
		Expect(s.Leads(ctx, "web", "").Term).To(BeZero())
		s.Pending(ctx, "a", "web")
		Expect(s.Leads(ctx, "web", "").Term).To(BeZero())
		s.SetReady(ctx, "a", true)
		Expect(s.Leads(ctx, "web", "a").Term).To(BeNumerically(">", 0))
	}, limit)

	It("prefers the oldest ready member", func(ctx context.Context) {
		s.Pending(ctx, "x", "web") // the oldest of all, but not ready
		old := s.Pending(ctx, "z", "web")
		Eventually(ctx, func(g Gomega) { // the API knows the age of pods in seconds
			p := s.NewPod("a", "web")
			g.Expect(s.Create(ctx, p)).To(Succeed())
			if !p.CreationTimestamp.After(old.CreationTimestamp.Time) {
				s.DeletePod(ctx, "a")
			}
			g.Expect(p.CreationTimestamp.Time).To(BeTemporally(">", old.CreationTimestamp.Time))
		}).WithPolling(200 * time.Millisecond).Should(Succeed())
		withoutController(ctx, func() { // so that it sees both at once
			s.SetReady(ctx, "a", true)
			s.SetReady(ctx, "z", true)
		})
		s.Leads(ctx, "web", "z")
	}, limit)

	It("is sticky: who leads goes on leading when older members become ready or newer ones come", func(ctx context.Context) {
		s.Pending(ctx, "a", "web")
		s.Pod(ctx, "b", "web")
		before := s.Leads(ctx, "web", "b")
		s.SetReady(ctx, "a", true)
		s.Pod(ctx, "c", "web")
		after := s.Leads(ctx, "web", "b")
		Expect(after.Policy.Status.Candidates).To(HaveValue(BeEquivalentTo(3)))
		Expect(after.Term).To(Equal(before.Term))
		Expect(after.Lease.ResourceVersion).To(Equal(before.Lease.ResourceVersion), "the Lease was written for nothing")
	}, limit)

	It("keeps out who excluded himself", func(ctx context.Context) {
		s.Pod(ctx, "a", "web", scene.Annotate(v1alpha1.JoinAnnotation, "false"))
		s.Pod(ctx, "b", "web", scene.Annotate(v1alpha1.JoinAnnotation, "true"))
		s.Leads(ctx, "web", "b")
		s.DeletePod(ctx, "b")
		s.Leads(ctx, "web", "")
		s.SetAnnotation(ctx, "a", v1alpha1.JoinAnnotation, "")
		s.Leads(ctx, "web", "a")
	}, limit)
})

var _ = Describe("The leader moves on", func() {
	DescribeTable("when it", func(ctx context.Context, end func(context.Context, *scene.Scene)) {
		s := scene.New(ctx, c)
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web", scene.OnNode(s.Node(ctx, "1")))
		s.Pod(ctx, "b", "web")
		before := s.Leads(ctx, "web", "a")
		end(ctx, s)
		after := s.Leads(ctx, "web", "b")
		Expect(after.Term).To(Equal(before.Term+1), "one move is one write of the Lease")
	},
		Entry("is deleted at once", limit, func(ctx context.Context, s *scene.Scene) { s.DeletePod(ctx, "a") }),
		Entry("is being deleted", limit, func(ctx context.Context, s *scene.Scene) {
			Expect(s.Delete(ctx, &corev1.Pod{ObjectMeta: s.Meta("a")})).To(Succeed())
			Expect(scene.Read(ctx, s, "a", &corev1.Pod{}).DeletionTimestamp).NotTo(BeNil())
		}),
		Entry("is evicted", limit, func(ctx context.Context, s *scene.Scene) {
			pod := &corev1.Pod{ObjectMeta: s.Meta("a")}
			Expect(s.SubResource("eviction").Create(ctx, pod, &policyv1.Eviction{})).To(Succeed())
		}),
		Entry("succeeds", limit, func(ctx context.Context, s *scene.Scene) { s.SetPhase(ctx, "a", corev1.PodSucceeded) }),
		Entry("fails", limit, func(ctx context.Context, s *scene.Scene) { s.SetPhase(ctx, "a", corev1.PodFailed) }),
		Entry("is not ready", limit, func(ctx context.Context, s *scene.Scene) { s.SetReady(ctx, "a", false) }),
		Entry("leaves the pool", limit, func(ctx context.Context, s *scene.Scene) { s.SetAnnotation(ctx, "a", v1alpha1.PoolAnnotation, "") }),
		Entry("is excluded", limit, func(ctx context.Context, s *scene.Scene) { s.SetAnnotation(ctx, "a", v1alpha1.JoinAnnotation, "false") }),
	)

	It("but not when nobody is ready: it is kept and gets no traffic", func(ctx context.Context) {
		s := scene.New(ctx, c)
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		s.Pod(ctx, "b", "web")
		before := s.Leads(ctx, "web", "a")
		s.SetReady(ctx, "b", false)
		s.SetReady(ctx, "a", false)
		kept := s.Leads(ctx, "web", "a") // Look compares readiness of the endpoint
		Expect(kept.Term).To(Equal(before.Term))
		Expect(kept.Slices[0].Endpoints[0].Conditions.Ready).To(HaveValue(BeFalse()))
		Expect(kept.Condition(v1alpha1.ConditionLeaderElected).Reason).To(Equal(v1alpha1.ReasonLeaderKept))
		Expect(kept.Condition(v1alpha1.ConditionCandidatesAvailable).Reason).To(Equal(v1alpha1.ReasonNoneReady))
		s.SetReady(ctx, "a", true)
		Expect(s.Leads(ctx, "web", "a").Slices[0].Endpoints[0].Conditions.Ready).To(HaveValue(BeTrue()))
	}, limit)

	It("to nobody when it ends and nobody is ready, and terms go on growing afterwards", func(ctx context.Context) {
		s := scene.New(ctx, c)
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		before := s.Leads(ctx, "web", "a")
		s.SetPhase(ctx, "a", corev1.PodFailed)
		empty := s.Leads(ctx, "web", "")
		Expect(empty.Term).To(Equal(before.Term), "emptying the Lease begins no term")
		Expect(empty.Slices[0].Endpoints).To(BeEmpty())
		s.Pod(ctx, "b", "web")
		Expect(s.Leads(ctx, "web", "b").Term).To(BeNumerically(">", before.Term))
	}, limit)
})
