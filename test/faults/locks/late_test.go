package locks_test

import (
	"context"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/locker"
)

// givesUp has a locker wait no longer than a second.
func givesUp(o *locker.Options) { o.Leaves = 1 }

var _ = Describe("A grant that arrives late", func() {
	long("after the home has read back that it did not happen: it fails, as the home has written again", func(ctx context.Context) {
		t := newStand(ctx, 2)
		home := t.seats[0]
		lock := t.lockAt(ctx, home, 5)
		held := home.proxy.HoldOne(t.writesOf(lock))
		a, _ := t.locker("a", t.seats, on(lock), once, func(o *locker.Options) { o.Patience = time.Minute })
		Expect(held.Await(ctx, 1)).To(Succeed())
		before := len(t.statuses(home, lock))
		g := t.awaits(ctx, a, locker.Granted, 0)
		Expect(g.Attempt).To(BeEquivalentTo(1), "the home has settled it")
		Expect(t.answered(ctx, home, lock, before)).To(Equal(http.StatusOK))
		held.Release()
		Expect(t.answered(ctx, home, lock, before+1)).To(Equal(http.StatusConflict))
		t.renews(ctx, a)
		t.isPassedOn(ctx, a, g.Token, lock, t.seats...)
	})

	long("of a request that was given up meanwhile: that is answered once it is settled, and nobody holds the lock", func(ctx context.Context) {
		t := newStand(ctx, 2)
		home := t.seats[0]
		lock := t.lockAt(ctx, home, 5)
		held := home.proxy.HoldOne(t.writesOf(lock))
		a, _ := t.locker("a", t.seats, on(lock), once, givesUp)
		Expect(held.Await(ctx, 1)).To(Succeed())
		before := len(t.statuses(home, lock))
		left := t.awaits(ctx, a, locker.Left, 0)
		Expect(left.Outcome).To(Equal(locker.OK))
		Expect(len(t.statuses(home, lock))).To(BeNumerically(">", before), "the home has settled it")
		Expect(t.holder(ctx, lock)).To(BeEmpty())
		held.Release()
		Eventually(ctx, func() []int { return t.statuses(home, lock) }).Should(ContainElement(http.StatusConflict))
		Expect(t.holder(ctx, lock)).To(BeEmpty())
	})

	It("of a home that is dead, for a request that was given up meanwhile: it fails, too", func(ctx context.Context) {
		t := newStand(ctx, 2)
		home, rest := t.seats[0], t.seats[1]
		lock := t.lockAt(ctx, home, 2)
		held := home.proxy.HoldOne(t.writesOf(lock))
		a, _ := t.locker("a", []*seat{home}, on(lock), once, func(o *locker.Options) { o.Replicas = o.Replicas[:1] })
		Expect(held.Await(ctx, 1)).To(Succeed())
		before := len(t.statuses(home, lock))
		Expect(home.Kill()).To(Succeed())
		request := t.awaits(ctx, a, locker.Asks, 0).Request
		Expect(a.Kill()).To(Succeed())
		began := election.Now()
		Expect(t.leaves(ctx, rest, lock, request)).To(Succeed())
		GinkgoWriter.Println("left after", election.Now()-began)
		held.Release()
		Expect(t.answered(ctx, home, lock, before)).To(Equal(http.StatusConflict))
		Expect(t.holder(ctx, lock)).To(BeEmpty())
		b, _ := t.locker("b", []*seat{rest}, on(lock), once)
		Expect(t.awaits(ctx, b, locker.Granted, 0).At - began).To(BeNumerically("<", 4*soon))
	}, limit)

	It("of a home that is dead, for a request that was told meanwhile that the lock is held: it fails, too", func(ctx context.Context) {
		t := newStand(ctx, 2)
		home, rest := t.seats[0], t.seats[1]
		lock := t.lockAt(ctx, home, 2)
		x, _ := t.locker("x", []*seat{home}, on(lock), once)
		g := t.awaits(ctx, x, locker.Granted, 0)
		r, _ := t.locker("r", []*seat{home, rest}, on(lock), once, func(o *locker.Options) { o.Wait = new(time.Second) })
		t.awaits(ctx, r, locker.Waits, 0)
		held := home.proxy.HoldOne(t.writesOf(lock))
		Expect(x.Yield()).To(Succeed())
		Expect(held.Await(ctx, 1)).To(Succeed(), "the write that grants r the lock")
		Expect(x.Kill()).To(Succeed())
		before := len(t.statuses(home, lock))
		Expect(home.Kill()).To(Succeed())
		e := t.awaits(ctx, r, locker.Refused, 0)
		Expect(e.Outcome).To(Equal("Held"))
		Expect(e.Attempt).To(BeNumerically(">", 1))
		held.Release()
		Expect(t.answered(ctx, home, lock, before)).To(Equal(http.StatusConflict))
		Expect(t.holder(ctx, lock)).To(Equal(g.Request))
	}, limit)
})
