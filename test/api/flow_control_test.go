package api_test

import (
	"context"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

var _ = Describe("Flow control", func() {
	// level waits until the API server says that a FlowSchema has its priority level, and returns that.
	level := func(ctx context.Context, s *scene.Scene, schema string) string {
		GinkgoHelper()
		f := &flowcontrolv1.FlowSchema{}
		Eventually(ctx, func(ctx context.Context) (flowcontrolv1.ConditionStatus, error) {
			if err := s.Get(ctx, client.ObjectKey{Name: schema}, f); err != nil || len(f.Status.Conditions) == 0 {
				return "", err
			}
			return f.Status.Conditions[0].Status, nil // of "Dangling", the only one there is
		}).Should(Equal(flowcontrolv1.ConditionFalse))
		return f.Spec.PriorityLevelConfiguration.Name
	}

	It("is installed for the controller, and for participants where somebody asks for it", func(ctx context.Context) {
		s := scene.New(ctx, c)
		Expect(level(ctx, s, "zen-lead")).To(Equal("zen-lead"))
		Expect(s.Get(ctx, client.ObjectKey{Name: "zen-lead-participants"}, &flowcontrolv1.FlowSchema{})).NotTo(Succeed())
		root, err := zenlead.Root()
		Expect(err).NotTo(HaveOccurred())
		Expect(c.Apply(ctx, filepath.Join(root, "controller", "config", "participants-flow"))).To(Succeed())
		Expect(level(ctx, s, "zen-lead-participants")).To(Equal("zen-lead"))
	}, limit)
})
