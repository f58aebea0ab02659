package api_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// nodes of a scene.
func nodes(ctx context.Context, s *scene.Scene, names ...string) (found []string) {
	GinkgoHelper()
	for _, n := range names {
		found = append(found, s.Node(ctx, n))
	}
	return found
}

// changeNode edits a node.
func changeNode(ctx context.Context, s *scene.Scene, name string, f func(*corev1.Node)) {
	GinkgoHelper()
	n := &corev1.Node{}
	Expect(s.Get(ctx, client.ObjectKey{Name: name}, n)).To(Succeed())
	before := n.DeepCopy()
	f(n)
	Expect(s.Patch(ctx, n, client.MergeFrom(before))).To(Succeed())
}

func cordon(n *corev1.Node) { n.Spec.Unschedulable = true }

func taint(key string) func(*corev1.Node) {
	return func(n *corev1.Node) {
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: key, Effect: corev1.TaintEffectNoSchedule})
	}
}

var _ = Describe("Nodes", func() {
	DescribeTable("the lead moves away from one that", func(ctx context.Context, change func(*corev1.Node)) {
		s := scene.New(ctx, c)
		on := nodes(ctx, s, "1", "2")
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web", scene.OnNode(on[0]))
		s.Pod(ctx, "b", "web", scene.OnNode(on[1]))
		before := s.Leads(ctx, "web", "a")
		changeNode(ctx, s, on[0], change)
		Expect(s.Leads(ctx, "web", "b").Term).To(Equal(before.Term + 1))
		changeNode(ctx, s, on[0], func(n *corev1.Node) { n.Spec = corev1.NodeSpec{} })
		changeNode(ctx, s, on[1], cordon)
		Expect(s.Leads(ctx, "web", "a").Term).To(Equal(before.Term + 2))
	},
		Entry("is cordoned", limit, cordon),
		Entry("the autoscaler is about to delete", limit, taint("ToBeDeletedByClusterAutoscaler")),
		Entry("Karpenter is about to delete", limit, taint("karpenter.sh/disrupted")),
		Entry("is unreachable", limit, taint(corev1.TaintNodeUnreachable)),
		Entry("is out of service", limit, taint(corev1.TaintNodeOutOfService)),
	)

	It("the lead moves away from one that is deleted while its pod runs", func(ctx context.Context) {
		s := scene.New(ctx, c)
		on := nodes(ctx, s, "1", "2")
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web", scene.OnNode(on[0]))
		s.Pod(ctx, "b", "web", scene.OnNode(on[1]))
		before := s.Leads(ctx, "web", "a")
		Expect(s.Delete(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: on[0]}})).To(Succeed())
		Expect(s.Leads(ctx, "web", "b").Term).To(Equal(before.Term + 1))
	}, limit)

	It("with hold a leader stays on one that is unreachable, says so, and goes when it is out of service", func(ctx context.Context) {
		s := scene.New(ctx, c)
		on := nodes(ctx, s, "1", "2")
		s.Policy(ctx, "web", func(p *v1alpha1.LeaderPolicy) {
			p.Spec.Failover = &v1alpha1.Failover{UnreachableNode: v1alpha1.UnreachableNodeHold}
		})
		s.Pod(ctx, "a", "web", scene.OnNode(on[0]))
		s.Pod(ctx, "b", "web", scene.OnNode(on[1]))
		before := s.Leads(ctx, "web", "a")
		changeNode(ctx, s, on[0], taint(corev1.TaintNodeUnreachable))
		s.SetReady(ctx, "a", false) // as the node controller does
		var held scene.State
		Eventually(ctx, func(ctx context.Context) string {
			held = s.Leads(ctx, "web", "a")
			return held.Condition(v1alpha1.ConditionLeaderElected).Reason
		}).Should(Equal(v1alpha1.ReasonLeaderKept))
		Expect(held.Lease.ResourceVersion).To(Equal(before.Lease.ResourceVersion))
		Expect(held.Condition(v1alpha1.ConditionLeaderReachable).Reason).To(Equal(v1alpha1.ReasonNodeUnreachable))
		Expect(held.Slices[0].Endpoints[0].Conditions.Ready).To(HaveValue(BeFalse()))

		changeNode(ctx, s, on[0], taint(corev1.TaintNodeOutOfService))
		after := s.Leads(ctx, "web", "b")
		Expect(after.Term).To(Equal(before.Term + 1))
		Expect(after.Condition(v1alpha1.ConditionLeaderReachable)).To(BeNil())
	}, limit)

	It("where all are cordoned the leader stays, until there is somebody to move to", func(ctx context.Context) {
		s := scene.New(ctx, c)
		on := nodes(ctx, s, "1", "2", "3")
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web", scene.OnNode(on[0]))
		s.Pod(ctx, "b", "web", scene.OnNode(on[1]))
		before := s.Leads(ctx, "web", "a")
		changeNode(ctx, s, on[1], cordon)
		changeNode(ctx, s, on[0], cordon)
		Expect(s.Leads(ctx, "web", "a").Term).To(Equal(before.Term))
		s.Pending(ctx, "c", "web", scene.OnNode(on[2]))
		Expect(s.Leads(ctx, "web", "a").Term).To(Equal(before.Term))
		s.SetReady(ctx, "c", true)
		Expect(s.Leads(ctx, "web", "c").Term).To(Equal(before.Term + 1))
	}, limit)
})
