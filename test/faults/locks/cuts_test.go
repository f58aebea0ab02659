package locks_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/locker"
)

// cutTTL is that of the locks of these specs.
var cutTTL = faults.Longer[int32](2, 3)

// pair is a holder that has one way to one replica, and a waiter with ways of its own.
func (t *stand) pair(ctx context.Context) (lock string, a, b *locker.Process, way *wire, g locker.Entry) {
	GinkgoHelper()
	lock = t.lockAt(ctx, t.seats[0], cutTTL)
	a, ways := t.locker("a", t.seats[:1], on(lock), once)
	g = t.awaits(ctx, a, locker.Granted, 0)
	b, _ = t.locker("b", t.seats, on(lock), once)
	t.awaits(ctx, b, locker.Waits, 0)
	return lock, a, b, ways[0], g
}

var _ = Describe("Between a holder and its replica", func() {
	It("requests are lost: it stops by its own clock, before the next is granted the lock", func(ctx context.Context) {
		t := newStand(ctx, 2)
		_, a, b, way, g := t.pair(ctx)
		known := t.renews(ctx, a)
		way.up.cut()
		over := t.awaits(ctx, a, locker.Over, known)
		Expect(over.At - known).To(And(BeNumerically(">=", seconds(cutTTL)*2/3), BeNumerically("<", seconds(cutTTL)*2/3+soon/2)))
		next := t.awaits(ctx, b, locker.Granted, 0)
		Expect(next.At - known).To(And(BeNumerically(">", seconds(cutTTL)*21/20), BeNumerically("<", seconds(cutTTL)*21/20+soon)))
		Expect(next.Token).To(BeNumerically(">", g.Token))
		Expect(way.up.kept.Load()).To(BeNumerically(">", 0), "it sent something")
		way.up.heal()
		Expect(t.awaits(ctx, a, locker.Released, over.At).Outcome).NotTo(Equal(locker.OK))
	}, limit)

	long("answers are lost: it stops by its own clock, though its renewals are heard of", func(ctx context.Context) {
		t := newStand(ctx, 2)
		_, a, b, way, _ := t.pair(ctx)
		known := t.renews(ctx, a)
		way.down.cut()
		over := t.awaits(ctx, a, locker.Over, known)
		Expect(over.At - known).To(BeNumerically("<", seconds(cutTTL)*2/3+soon/2))
		// What it sends goes on to be heard of: its release too.
		next := t.awaits(ctx, b, locker.Granted, 0)
		Expect(way.down.kept.Load()).To(BeNumerically(">", 0), "it was answered")
		Expect(next.At).To(BeNumerically(">", over.At))
		way.down.heal()
		t.awaits(ctx, a, locker.Released, over.At)
	})

	long("answers come late, and then none: its time counts from before it sent", func(ctx context.Context) {
		t := newStand(ctx, 2)
		_, a, b, way, _ := t.pair(ctx)
		way.down.slow(seconds(cutTTL) / 7) // within the time of a renewal, which is a sixth
		for range 3 {
			known := t.renews(ctx, a)
			e := t.awaits(ctx, a, locker.Renewed, known)
			Expect(e.At - known).To(BeNumerically(">", seconds(cutTTL)/7))
			Expect(e.Until-known).To(BeNumerically("~", seconds(cutTTL)*19/20, time.Millisecond), "not from the answer")
		}
		way.up.cut()
		over := t.awaits(ctx, a, locker.Over, 0)
		next := t.awaits(ctx, b, locker.Granted, 0)
		Expect(next.At).To(BeNumerically(">", over.At))
	})

	It("the grant is lost: asked again, elsewhere, the same request gets the same token", func(ctx context.Context) {
		t := newStand(ctx, 2)
		lock := t.lockAt(ctx, t.seats[0], cutTTL)
		a, _ := t.locker("a", t.seats, on(lock), once, func(o *locker.Options) { o.Patience = 700 * time.Millisecond })
		t.awaits(ctx, a, locker.Granted, 0) // connected
		Expect(a.Yield()).To(Succeed())
		t.awaits(ctx, a, locker.Released, 0)
		b, ways := t.locker("b", t.seats, on(lock), once, func(o *locker.Options) { o.Patience = 700 * time.Millisecond })
		ways[0].down.cut()
		g := t.awaits(ctx, b, locker.Granted, 0)
		Expect(g.Attempt).To(BeNumerically(">", 1))
		t.renews(ctx, b)
		ways[0].down.heal()
		Expect(b.Yield()).To(Succeed())
		Expect(t.awaits(ctx, b, locker.Released, g.At).Outcome).To(Equal(locker.OK))
	}, limit)
})

var _ = Describe("Between a home and the API server", func() {
	DescribeTable("nothing passes: holders go on while its Lease lasts, then move; nothing is granted twice", func(ctx context.Context, deaf bool) {
		t := newStand(ctx, 2)
		home, rest := t.seats[0], t.seats[1]
		lock := t.lockAt(ctx, home, 5)
		a, _ := t.locker("a", []*seat{home, rest}, on(lock), once)
		g := t.awaits(ctx, a, locker.Granted, 0)
		t.renews(ctx, a)
		patient := func(o *locker.Options) { o.Patience = time.Minute } // else it may be asking the one that is cut off when the lock becomes free
		b, _ := t.locker("b", []*seat{rest, home}, on(lock), once, patient)
		t.awaits(ctx, b, locker.Waits, 0)
		cut := home.proxy.Cut
		if deaf {
			cut = home.proxy.Deafen
		}
		severed := cut()
		began := election.Now()
		for election.Now()-began < 25*time.Second {
			t.renews(ctx, a)
		}
		Expect(severed.Count()).To(BeNumerically(">", 0))
		is := t.status(ctx, lock).Holders[0]
		Expect(is.RequestID).To(Equal(g.Request), "it was not lost")
		Expect(is.Home).To(Equal(rest.name), "it has moved")
		left := election.Now()
		Expect(a.Yield()).To(Succeed())
		Expect(t.awaits(ctx, b, locker.Granted, left).At - left).To(BeNumerically("<", 2*soon))
		severed.Release()
		t.renews(ctx, b)
		t.isPassedOn(ctx, b, g.Token, lock, rest)
	},
		faults.OnlyFull(
			Entry("neither way", limit, false),
			Entry("no answers", limit, true),
		),
	)
})
