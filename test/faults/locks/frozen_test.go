package locks_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/anishathalye/porcupine"

	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/locker"
)

var _ = Describe("A holder that stands still between a read and a write", func() {
	It("for three times its ttl is told so on its first look; its late write is refused by the fence, and without one undoes others", func(ctx context.Context) {
		ttl := faults.Longer[int32](2, 5)
		t := newStand(ctx, 2)
		lock := t.lock(ctx, ttl)
		a, _ := t.locker("a", t.seats, on(lock), once)
		holds := t.awaits(ctx, a, locker.Granted, 0)
		t.wrote(ctx, a, 3, holds.At)
		b, _ := t.locker("b", t.seats, on(lock), once)
		t.awaits(ctx, b, locker.Waits, 0)

		reached, release := t.register.hold(holds.Token)
		Eventually(ctx, reached).Should(Receive())
		Expect(a.Freeze()).To(Succeed())
		froze := election.Now()
		release()
		next := t.awaits(ctx, b, locker.Granted, 0)
		Expect(next.Token).To(BeNumerically(">", holds.Token))
		Expect(next.At-froze).To(BeNumerically("<", seconds(ttl)*21/20+soon), "it was not heard of any more")
		t.wrote(ctx, b, 5, next.At) // the write of the sleeper would undo these
		pass(ctx, froze+3*seconds(ttl)-election.Now())
		resumed := election.Now()
		Expect(a.Resume()).To(Succeed())

		Expect(t.awaits(ctx, a, locker.Late, froze).At-resumed).To(BeNumerically("<", soon), "on its first look")
		late := t.awaits(ctx, a, locker.Wrote, resumed)
		Expect(late.Token).To(Equal(holds.Token))
		Expect(late.Outcome).To(Equal(locker.Refused))
		t.awaits(ctx, a, locker.Over, resumed)
		Expect(t.awaits(ctx, a, locker.Released, resumed).Outcome).To(Equal("Lost"))
		t.wrote(ctx, b, 3, late.At)
		Expect(b.Stop()).To(Succeed())
		Expect(t.history().of(lock).judgeCell(false)).To(Equal(porcupine.Illegal), "the cell without a fence has lost increments")
	}, limit)
})

func seconds(n int32) time.Duration { return time.Duration(n) * time.Second }
