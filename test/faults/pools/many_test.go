package pools_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

var _ = Describe("Many pools at once", func() {
	It("have their leaders, and new ones when all of those go at once", func(ctx context.Context) {
		number := faults.Longer(20, 200)
		s := scene.New(ctx, c)
		recorded(s)
		name := func(i int) string { return fmt.Sprintf("pool-%d", i) }
		each := func(do func(i int)) {
			var group errgroup.Group
			group.SetLimit(8)
			for i := range number {
				group.Go(func() error {
					defer GinkgoRecover()
					do(i)
					return nil
				})
			}
			Expect(group.Wait()).To(Succeed())
		}
		each(func(i int) { // all of it is there when the controller begins
			s.Policy(ctx, name(i))
			s.Pod(ctx, name(i)+"-a", name(i))
			s.Pod(ctx, name(i)+"-b", name(i))
		})
		began := time.Now()
		controller := start(ctx, zenlead.Options{})
		// stable waits until as many pools as there are name a leader of the given suffix.
		stable := func(suffix string) {
			GinkgoHelper()
			Eventually(ctx, func(ctx context.Context) (led int) {
				var list v1alpha1.LeaderPolicyList
				Expect(s.List(ctx, &list, client.InNamespace(s.Namespace))).To(Succeed())
				for _, p := range list.Items {
					if h := p.Status.CurrentHolder; h != nil && h.Name == p.Name+suffix {
						led++
					}
				}
				return led
			}).WithTimeout(time.Minute).Should(Equal(number))
		}
		stable("-a")
		AddReportEntry(fmt.Sprintf("%d pools have their first leader %s after the start", number, time.Since(began)))

		each(func(i int) { s.DeletePod(ctx, name(i)+"-a") })
		stable("-b")
		each(func(i int) { s.Leads(ctx, name(i), name(i)+"-b") })
		Expect(controller.Lines("level=ERROR")).To(BeEmpty())
	}, limit)
})
