package pools_test

import (
	"context"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/proxy"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// The writes of a move from a to b, in the order in which they may come.
var (
	leaseWrite   = proxy.Match{Method: http.MethodPut, Resource: "leases", Name: "web"}
	sliceWrite   = proxy.Match{Method: http.MethodPut, Resource: "endpointslices"}
	newRoleWrite = proxy.Match{Method: http.MethodPatch, Resource: "pods", Name: "b"}
	oldRoleWrite = proxy.Match{Method: http.MethodPatch, Resource: "pods", Name: "a"}
	statusWrite  = proxy.Match{Method: http.MethodPut, Resource: "leaderpolicies/status", Name: "web"}
)

// in confines a match to a scene.
func in(s *scene.Scene, m proxy.Match) proxy.Match {
	m.Namespace = s.Namespace
	return m
}

var _ = Describe("A controller that is killed between the Lease and", func() {
	DescribeTable("is no loss: the next one finishes the move, in the same term", func(ctx context.Context, write proxy.Match) {
		s := scene.New(ctx, c)
		recorded(s)
		controller, p := throughProxy(ctx)
		before := pool(ctx, s)
		held := p.Hold(in(s, write))

		s.SetReady(ctx, "a", false)
		Expect(held.Await(ctx, 1)).To(Succeed())
		Expect(controller.Kill()).To(Succeed())
		held.Drop() // it never arrives

		lease := s.Lease(ctx, "web")
		Expect(lease.Spec.HolderIdentity).To(HaveValue(Equal("b")), "the move has begun")
		_, err := s.Look(ctx, "web")
		Expect(err).To(HaveOccurred(), "the move was not finished")

		start(ctx, zenlead.Options{})
		after := s.Leads(ctx, "web", "b")
		Expect(after.Term).To(Equal(before.Term + 1))
		Expect(after.Lease.ResourceVersion).To(Equal(lease.ResourceVersion), "the Lease was written again")
	},
		Entry("the new role", limit, newRoleWrite),
		Entry("the status", limit, statusWrite),
		faults.OnlyFull(
			Entry("the slice", limit, sliceWrite),
			Entry("the old role", limit, oldRoleWrite),
		),
	)
})

// meanwhile says what another controller does with the move that a sleeper began before it moves on.
type meanwhile int

const (
	finished meanwhile = iota
	// unfinished: it never sees b ready, so it marks b only because the Lease named it.
	unfinished
)

var _ = Describe("A controller that sleeps over", func() {
	DescribeTable("wakes up and overwrites nothing of another's that moved on meanwhile", func(ctx context.Context, write proxy.Match, m meanwhile) {
		s := scene.New(ctx, c)
		recorded(s)
		sleeper, p := throughProxy(ctx)
		before := pool(ctx, s)
		held := p.HoldOne(in(s, write))
		s.SetReady(ctx, "a", false)
		Expect(held.Await(ctx, 1)).To(Succeed())
		Expect(sleeper.Freeze()).To(Succeed())
		asleep := time.Now()

		if m == unfinished {
			s.SetReady(ctx, "b", false)
		}
		other := start(ctx, zenlead.Options{})
		if m == finished {
			s.Leads(ctx, "web", "b")
			s.SetReady(ctx, "b", false)
		}
		moved := s.Leads(ctx, "web", "c")
		Expect(moved.Term).To(Equal(before.Term + 2))
		Expect(other.Kill()).To(Succeed())

		written := len(p.Writes(in(s, write)))
		held.Release() // the write arrives, late
		Eventually(ctx, func() []proxy.Exchange { return p.Writes(in(s, write)) }).Should(HaveLen(written + 1))
		Expect(p.Writes(in(s, write))[written].Status).To(BeElementOf(http.StatusConflict, http.StatusUnprocessableEntity))
		Expect(s.Leads(ctx, "web", "c").Lease.ResourceVersion).To(Equal(moved.Lease.ResourceVersion))

		Eventually(ctx, func() time.Duration { return time.Since(asleep) }).WithTimeout(time.Minute).
			Should(BeNumerically(">", faults.Longer(0, 45*time.Second)))
		Expect(sleeper.Resume()).To(Succeed())
		// It is the only one now: it shows that it is awake and up to date by the next move.
		s.SetReady(ctx, "a", true)
		s.SetReady(ctx, "c", false)
		Expect(s.Leads(ctx, "web", "a").Term).To(Equal(moved.Term + 1))
	},
		Entry("the Lease", limit, leaseWrite, finished),
		Entry("the new role, which nobody marks", limit, newRoleWrite, unfinished),
		Entry("the slice", limit, sliceWrite, finished),
		faults.OnlyFull(
			Entry("the slice, which nobody writes", limit, sliceWrite, unfinished),
			Entry("the new role", limit, newRoleWrite, finished),
			Entry("the old role", limit, oldRoleWrite, finished),
			Entry("the status", limit, statusWrite, finished),
		),
	)
})
