package locks_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/locker"
)

var _ = Describe("A lock that an administrator deletes while it is held, and makes again", func() {
	DescribeTable("is granted by a larger token, once the time of its holder has passed", func(ctx context.Context, frozen bool) {
		t := newStand(ctx, 2)
		const ttl = 2
		lock := t.lockAt(ctx, t.seats[0], ttl)
		a, _ := t.locker("a", t.seats, on(lock), once)
		g := t.awaits(ctx, a, locker.Granted, 0)
		t.renews(ctx, a)
		if frozen {
			Expect(a.Freeze()).To(Succeed())
		}
		deleted := election.Now()
		Expect(t.remove(ctx, lock)).To(Succeed())
		t.make(ctx, lock, ttl)
		b, _ := t.locker("b", t.seats, on(lock), once)
		next := t.awaits(ctx, b, locker.Granted, 0)
		Expect(next.Token).To(BeNumerically(">", g.Token))
		Expect(next.At - deleted).To(And(BeNumerically(">", seconds(ttl)), BeNumerically("<", seconds(ttl)*21/20+soon)))
		if frozen {
			Expect(a.Resume()).To(Succeed())
		}
		t.awaits(ctx, a, locker.Over, deleted)
		Expect(t.awaits(ctx, a, locker.Released, deleted).Outcome).To(Equal("Lost"))
		t.renews(ctx, b)
	},
		Entry("who stands still", limit, true),
		faults.OnlyFull(Entry("who asks to renew", limit, false)),
	)
})
