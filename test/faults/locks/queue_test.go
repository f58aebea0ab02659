package locks_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/locker"
)

var _ = Describe("The queue of a lock", func() {
	It("is full: who comes is told so, and keeps nobody from anything", func(ctx context.Context) {
		t := newStand(ctx, 2)
		lock := t.lock(ctx, 5, func(s *v1alpha1.ManualLockSpec) { s.MaxWaiters = new(int32(2)) })
		a, _ := t.locker("a", t.seats, on(lock), once)
		g := t.awaits(ctx, a, locker.Granted, 0)
		var waiting []*locker.Process
		for i := range 2 {
			w, _ := t.locker(fmt.Sprint("w", i), t.seats, on(lock), once)
			Expect(t.awaits(ctx, w, locker.Waits, 0).Place).To(BeEquivalentTo(i + 1))
			waiting = append(waiting, w)
		}
		full, _ := t.locker("full", t.seats, on(lock), once)
		Expect(t.awaits(ctx, full, locker.Refused, 0).Outcome).To(Equal("QueueFull"))
		last := g.Token
		for i, p := range []*locker.Process{a, waiting[0]} {
			Expect(p.Yield()).To(Succeed())
			next := t.awaits(ctx, waiting[i], locker.Granted, 0)
			Expect(next.Token).To(BeNumerically(">", last))
			last = next.Token
		}
	}, limit)

	It("has one that dies while its grant is being written: the lock passes on by the next write", func(ctx context.Context) {
		t := newStand(ctx, 2)
		home := t.seats[0]
		lock := t.lockAt(ctx, home, 15)
		a, _ := t.locker("a", t.seats, on(lock), once)
		g := t.awaits(ctx, a, locker.Granted, 0)
		dies, wires := t.locker("dies", []*seat{home}, on(lock), once)
		request := t.awaits(ctx, dies, locker.Waits, 0).Request
		next, _ := t.locker("next", t.seats, on(lock), once)
		t.awaits(ctx, next, locker.Waits, 0)
		held := home.proxy.HoldOne(t.writesOf(lock))
		Expect(a.Yield()).To(Succeed())
		Expect(held.Await(ctx, 1)).To(Succeed())
		Expect(dies.Kill()).To(Succeed())
		Eventually(ctx, wires[0].unused).Should(BeTrue())
		held.Release()
		began := election.Now()
		e := t.awaits(ctx, next, locker.Granted, 0)
		Expect(e.Token).To(BeNumerically(">", g.Token))
		Expect(e.At - began).To(BeNumerically("<", soon))
		_, granted := t.records.granted(lock, request)
		Expect(granted).To(BeTrue(), "it was granted the lock, of which it did not hear")
	}, limit)

	long("keeps its order when its home ends: the eight that stand in the record", func(ctx context.Context) {
		t := newStand(ctx, 2)
		home, rest := t.seats[0], t.seats[1]
		lock := t.lockAt(ctx, home, 5)
		a, _ := t.locker("a", []*seat{rest}, on(lock), once)
		t.awaits(ctx, a, locker.Granted, 0)
		var waiting []*locker.Process
		for i := range 8 {
			w, _ := t.locker(fmt.Sprint("w", i), []*seat{rest}, on(lock), once)
			t.awaits(ctx, w, locker.Waits, 0)
			waiting = append(waiting, w)
		}
		Eventually(ctx, func() int { return len(t.status(ctx, lock).Waiters) }).Should(Equal(8))
		killed := election.Now()
		Expect(home.Kill()).To(Succeed())
		for _, w := range waiting {
			t.awaits(ctx, w, locker.Waits, killed)
		}
		t.renews(ctx, a)
		holder, last := a, int64(0)
		for _, w := range waiting {
			Expect(holder.Yield()).To(Succeed())
			e := t.awaits(ctx, w, locker.Granted, 0)
			Expect(e.Token).To(BeNumerically(">", last))
			holder, last = w, e.Token
			pass(ctx, 50*time.Millisecond)
		}
	})
})
