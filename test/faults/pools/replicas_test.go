package pools_test

import (
	"context"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/proxy"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// blow is what happens to a replica in the middle of a move. It returns what undoes it.
type blow func(r replica) (undo func(ctx context.Context))

func killed(r replica) func(context.Context) {
	GinkgoHelper()
	Expect(r.Kill()).To(Succeed())
	return func(context.Context) {}
}

// stopped: it finishes what it began, and gives up a write that is held back after 5 s.
func stopped(r replica) func(context.Context) {
	GinkgoHelper()
	Expect(r.Terminate()).To(Succeed())
	return func(ctx context.Context) { Expect(r.Wait(ctx)).To(Succeed()) }
}

func cutOff(r replica) func(context.Context) {
	cut := r.proxy.Cut()
	return func(context.Context) { cut.Drop() }
}

func frozen(r replica) func(context.Context) {
	GinkgoHelper()
	Expect(r.Freeze()).To(Succeed())
	return func(context.Context) { Expect(r.Resume()).To(Succeed()) }
}

var _ = Describe("A replica that is", func() {
	DescribeTable("in the middle of a move is no loss: the other one finishes it", func(ctx context.Context, strike blow, write proxy.Match) {
		s := scene.New(ctx, c)
		recorded(s)
		pair := startPair(ctx, s)
		before := pool(ctx, s)
		struck, other := preferredFirst(s, pair)
		held := struck.proxy.HoldOne(in(s, write))
		s.SetReady(ctx, "a", false)
		Expect(held.Await(ctx, 1)).To(Succeed())

		undo := strike(struck)
		after := s.Leads(ctx, "web", "b")
		Expect(after.Term).To(Equal(before.Term+1), "one move, whoever made it")
		Expect(other.proxy.Writes(proxy.Match{Namespace: s.Namespace})).NotTo(BeEmpty(), "the other one finished it")

		written := len(struck.proxy.Writes(in(s, write)))
		held.Release()
		Eventually(ctx, func() []proxy.Exchange { return struck.proxy.Writes(in(s, write)) }).Should(HaveLen(written + 1))
		late := struck.proxy.Writes(in(s, write))[written]
		Expect(late.Status).To(BeElementOf(http.StatusConflict, http.StatusUnprocessableEntity), "the late write is refused")
		undo(ctx)
		Expect(s.Leads(ctx, "web", "b").Lease.ResourceVersion).To(Equal(after.Lease.ResourceVersion))

		s.SetReady(ctx, "a", true)
		s.SetReady(ctx, "b", false)
		Expect(s.Leads(ctx, "web", "a").Term).To(Equal(after.Term + 1))
	},
		Entry("killed before the Lease", limit, blow(killed), leaseWrite),
		Entry("cut off before the slice", limit, blow(cutOff), sliceWrite),
		Entry("frozen before the new role", limit, blow(frozen), newRoleWrite),
		faults.OnlyFull(
			Entry("killed before the slice", limit, blow(killed), sliceWrite),
			Entry("killed before the new role", limit, blow(killed), newRoleWrite),
			Entry("killed before the old role", limit, blow(killed), oldRoleWrite),
			Entry("killed before the status", limit, blow(killed), statusWrite),
			Entry("cut off before the Lease", limit, blow(cutOff), leaseWrite),
			Entry("cut off before the new role", limit, blow(cutOff), newRoleWrite),
			Entry("cut off before the old role", limit, blow(cutOff), oldRoleWrite),
			Entry("cut off before the status", limit, blow(cutOff), statusWrite),
			Entry("frozen before the Lease", limit, blow(frozen), leaseWrite),
			Entry("frozen before the slice", limit, blow(frozen), sliceWrite),
			Entry("frozen before the old role", limit, blow(frozen), oldRoleWrite),
			Entry("frozen before the status", limit, blow(frozen), statusWrite),
			Entry("stopped before the Lease", limit, blow(stopped), leaseWrite),
			Entry("stopped before the slice", limit, blow(stopped), sliceWrite),
			Entry("stopped before the new role", limit, blow(stopped), newRoleWrite),
			Entry("stopped before the old role", limit, blow(stopped), oldRoleWrite),
			Entry("stopped before the status", limit, blow(stopped), statusWrite),
		),
	)

	It("frozen while the leader changes moves nobody when it thaws, however old its view is", func(ctx context.Context) {
		s := scene.New(ctx, c)
		recorded(s)
		pair := startPair(ctx, s)
		pool(ctx, s)
		sleeper, other := preferredFirst(s, pair)
		// What the sleeper has heard when it falls asleep: a is not ready any more. That is old when it wakes.
		held := sleeper.proxy.HoldOne(in(s, leaseWrite))
		s.SetReady(ctx, "a", false)
		Expect(held.Await(ctx, 1)).To(Succeed())
		Expect(sleeper.Freeze()).To(Succeed())
		s.Leads(ctx, "web", "b")
		s.DeletePod(ctx, "b")
		s.Leads(ctx, "web", "c")
		s.SetReady(ctx, "a", true)
		s.Pod(ctx, "d", "web")
		s.DeletePod(ctx, "c")
		moved := s.Leads(ctx, "web", "a")
		Expect(other.granted(s)).To(BeTrue())
		held.Drop()
		Expect(sleeper.Resume()).To(Succeed())
		Eventually(ctx, func(ctx context.Context) bool { // it has caught up: it is the one that acts at once
			s.SetReady(ctx, "d", false)
			s.SetReady(ctx, "d", true)
			return len(sleeper.proxy.Writes(in(s, statusWrite))) > 1
		}).WithPolling(100 * time.Millisecond).Should(BeTrue())
		Expect(s.Leads(ctx, "web", "a").Lease.ResourceVersion).To(Equal(moved.Lease.ResourceVersion), "nobody was moved")
	}, limit)
})

var _ = Describe("Replicas of two releases", func() {
	if !faults.Full {
		return
	}
	It("take over from one another, either way", func(ctx context.Context) {
		s := scene.New(ctx, c)
		recorded(s)
		older := startReplica(ctx, previous(ctx))
		before := pool(ctx, s)
		newer := startReplica(ctx, "")
		s.SetReady(ctx, "a", false)
		Expect(s.Leads(ctx, "web", "b").Term).To(Equal(before.Term + 1))
		Expect(older.Kill()).To(Succeed())
		s.SetReady(ctx, "a", true)
		s.SetReady(ctx, "b", false)
		Expect(s.Leads(ctx, "web", "a").Term).To(Equal(before.Term + 2))
		Expect(newer.granted(s)).To(BeTrue())
		startReplica(ctx, previous(ctx)) // rolled back
		Expect(newer.Kill()).To(Succeed())
		s.SetReady(ctx, "b", true)
		s.SetReady(ctx, "a", false)
		Expect(s.Leads(ctx, "web", "b").Term).To(Equal(before.Term + 3))
	}, limit)
})
