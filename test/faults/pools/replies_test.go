package pools_test

import (
	"context"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/proxy"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

var _ = Describe("A write", func() {
	DescribeTable("whose reply is lost is neither repeated nor forgotten", func(ctx context.Context, write proxy.Match) {
		s := scene.New(ctx, c)
		recorded(s)
		_, p := throughProxy(ctx)
		before := pool(ctx, s)
		lost := p.LoseReply(in(s, write), 1)
		s.SetReady(ctx, "a", false)
		Expect(lost.Await(ctx, 1)).To(Succeed())
		after := s.Leads(ctx, "web", "b")
		Expect(after.Term).To(Equal(before.Term + 1))
		accepted := 0
		for _, w := range p.Writes(in(s, leaseWrite)) {
			if w.Status == http.StatusOK {
				accepted++
			}
		}
		Expect(accepted).To(Equal(2), "one write of the Lease for each leader")
	},
		Entry("the Lease", limit, leaseWrite),
		faults.OnlyFull(
			Entry("the slice", limit, sliceWrite),
			Entry("the new role", limit, newRoleWrite),
			Entry("the old role", limit, oldRoleWrite),
			Entry("the status", limit, statusWrite),
		),
	)

	lateWrite := func(ctx context.Context) {
		s := scene.New(ctx, c)
		recorded(s)
		_, p := throughProxy(ctx)
		before := pool(ctx, s)
		held := p.HoldOne(in(s, leaseWrite))
		s.SetReady(ctx, "a", false)
		Expect(held.Await(ctx, 1)).To(Succeed())
		// The controller gives up after 5 s, reads the old version and writes on it.
		after := s.Leads(ctx, "web", "b")
		Expect(after.Term).To(Equal(before.Term + 1))
		written := len(p.Writes(in(s, leaseWrite)))
		held.Release()
		Eventually(ctx, func() []proxy.Exchange { return p.Writes(in(s, leaseWrite)) }).Should(HaveLen(written + 1))
		Expect(p.Writes(in(s, leaseWrite))[written].Status).To(Equal(http.StatusConflict))
		Expect(s.Leads(ctx, "web", "b").Lease.ResourceVersion).To(Equal(after.Lease.ResourceVersion))
	}
	if faults.Full { // the controller's patience with a write is five seconds
		It("that arrives after its author has read that it did not, fails", lateWrite, limit)
	}

	It("that meets a conflict is decided anew, whichever it is", func(ctx context.Context) {
		s := scene.New(ctx, c)
		recorded(s)
		_, p := throughProxy(ctx)
		var refusals []*proxy.Rule
		for _, m := range []proxy.Match{
			{Method: http.MethodPost, Resource: "leases"}, {Method: http.MethodPut, Resource: "leases"},
			{Method: http.MethodPost, Resource: "services"},
			{Method: http.MethodPost, Resource: "endpointslices"}, {Method: http.MethodPut, Resource: "endpointslices"},
			{Method: http.MethodPatch, Resource: "pods", Name: "a"}, {Method: http.MethodPatch, Resource: "pods", Name: "b"},
			{Method: http.MethodPut, Resource: "leaderpolicies/status"},
		} {
			refusals = append(refusals, p.Refuse(in(s, m), 1, http.StatusConflict))
		}
		pool(ctx, s)
		for _, r := range refusals {
			Expect(r.Await(ctx, 1)).To(Succeed())
		}
		s.DeletePod(ctx, "a")
		s.Leads(ctx, "web", "b")
	}, limit)

	It("that meets an overloaded API server is repeated until it is accepted", func(ctx context.Context) {
		s := scene.New(ctx, c)
		_, p := throughProxy(ctx)
		before := pool(ctx, s)
		refusal := p.Refuse(in(s, proxy.Match{Method: http.MethodPut}), 5, http.StatusServiceUnavailable)
		s.DeletePod(ctx, "a")
		Expect(s.Leads(ctx, "web", "b").Term).To(Equal(before.Term + 1))
		Expect(refusal.Count()).To(Equal(5))
	}, limit)
})
