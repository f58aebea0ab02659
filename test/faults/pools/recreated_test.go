package pools_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

var _ = Describe("Made again at once under the same name", func() {
	It("a policy has its pool back, with terms that grow", func(ctx context.Context) {
		s := scene.New(ctx, c)
		recorded(s)
		start(ctx, zenlead.Options{})
		before := pool(ctx, s)
		for range faults.Longer(2, 10) {
			s.DeletePolicy(ctx, "web")
			policy := s.Policy(ctx, "web")
			Eventually(ctx, func(ctx context.Context) string { // Look finds Service and slice to be the new policy's
				return string(s.Leads(ctx, "web", "a").Policy.UID)
			}).Should(Equal(string(policy.UID)))
			after := s.Leads(ctx, "web", "a")
			Expect(after.Term).To(BeNumerically(">=", before.Term))
			before = after
		}
	}, limit)

	somebodyElse := func(ctx context.Context) {
		s := scene.New(ctx, c)
		recorded(s)
		start(ctx, zenlead.Options{})
		s.Policy(ctx, "web")
		var pod *corev1.Pod
		term := int64(0)
		for range faults.Longer(2, 10) {
			pod = s.Pod(ctx, "web-0", "web")
			Eventually(ctx, func(ctx context.Context) string { return string(s.Leads(ctx, "web", "web-0").UID) }).Should(Equal(string(pod.UID)))
			after := s.Leads(ctx, "web", "web-0")
			Expect(after.Term).To(BeNumerically(">", term))
			term = after.Term
			s.DeletePod(ctx, "web-0")
		}
	}
	if faults.Full { // the random load does it, too
		It("a pod is somebody else: a new term begins", somebodyElse, limit)
	}
})
