package locks_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/locker"
)

// kept is how long replicas acknowledge renewals without the API server at most: 15 s, less 5 %.
const kept = 14250 * time.Millisecond

var _ = Describe("An outage of the API server", func() {
	long("longer than replicas count: holders keep what they hold until then and their own bound; tokens grow after it", func(ctx context.Context) {
		t := newStand(ctx, 2)
		const ttl = 5
		lock, short := t.lock(ctx, ttl), t.lock(ctx, ttl)
		a, _ := t.locker("a", t.seats, on(lock), once)
		g := t.awaits(ctx, a, locker.Granted, 0)
		d, _ := t.locker("d", t.seats, on(short), once)
		t.awaits(ctx, d, locker.Granted, 0)
		b, _ := t.locker("b", t.seats, on(lock), once)
		t.awaits(ctx, b, locker.Waits, 0)
		t.renews(ctx, a)
		Expect(c.Kill(cluster.APIServer)).To(Succeed())
		DeferCleanup(c.Restart, cluster.APIServer) // in any case
		killed := election.Now()
		Expect(d.Kill()).To(Succeed())
		over := t.awaits(ctx, a, locker.Over, killed)
		Expect(over.At - killed).To(And(BeNumerically(">", kept-5*time.Second), BeNumerically("<", kept+seconds(ttl)+soon)))
		pass(ctx, killed+25*time.Second-election.Now())
		Expect(c.Restart(ctx, cluster.APIServer)).To(Succeed())
		back := election.Now()
		next := t.awaits(ctx, b, locker.Granted, 0)
		Expect(next.Token).To(BeNumerically(">", g.Token))
		GinkgoWriter.Println("granted after", next.At-back)
		Expect(next.At-back).To(BeNumerically("<", 45*time.Second), "once the terms of the replicas have passed, and the ttl")
		for _, s := range t.seats {
			Expect(s.Lines("Another name")).NotTo(BeEmpty(), "its term has ended")
		}
		e, _ := t.locker("e", t.seats, on(short), once)
		t.awaits(ctx, e, locker.Granted, 0)
	})

	DescribeTable("shorter than that: no holder notices", func(ctx context.Context, begin func() error, end func(context.Context) error) {
		t := newStand(ctx, 2)
		lock, other := t.lock(ctx, 6), t.lock(ctx, 6)
		a, _ := t.locker("a", t.seats, on(lock), once)
		g := t.awaits(ctx, a, locker.Granted, 0)
		o, _ := t.locker("o", t.seats, on(other), once, t.mayHaveOne(ctx, other))
		t.awaits(ctx, o, locker.Granted, 0)
		for range 3 { // what was said of their callers is not new
			t.renews(ctx, a)
			t.renews(ctx, o)
		}
		Expect(begin()).To(Succeed())
		DeferCleanup(end) // in any case
		began := election.Now()
		for election.Now()-began < kept-5*time.Second-seconds(6)/3 { // a replica has renewed its Lease five seconds before, at worst
			t.renews(ctx, a)
			t.renews(ctx, o)
		}
		Expect(end(ctx)).To(Succeed())
		for range 2 {
			t.renews(ctx, a)
			t.renews(ctx, o)
		}
		t.isPassedOn(ctx, a, g.Token, lock, t.seats...)
	},
		faults.OnlyFull(
			Entry("it is gone", limit, func() error { return c.Kill(cluster.APIServer) }, func(ctx context.Context) error { return c.Restart(ctx, cluster.APIServer) }),
			Entry("it stands still", limit, func() error { return c.Freeze(cluster.APIServer) }, func(context.Context) error { return c.Resume(cluster.APIServer) }),
		),
	)
})

var _ = Describe("etcd that stands still", func() {
	long("holds up grants, and nothing is granted twice when it goes on", func(ctx context.Context) {
		t := newStand(ctx, 2)
		lock := t.lock(ctx, 5)
		a, _ := t.locker("a", t.seats, on(lock), once)
		g := t.awaits(ctx, a, locker.Granted, 0)
		b, _ := t.locker("b", t.seats, on(lock), once)
		t.awaits(ctx, b, locker.Waits, 0)
		t.renews(ctx, a)
		Expect(c.Freeze(cluster.Etcd)).To(Succeed())
		DeferCleanup(c.Resume, cluster.Etcd) // in any case
		froze := election.Now()
		Expect(a.Yield()).To(Succeed())
		released := t.awaits(ctx, a, locker.Releases, froze)
		pass(ctx, froze+8*time.Second-election.Now())
		resumed := election.Now()
		Expect(c.Resume(cluster.Etcd)).To(Succeed())
		next := t.awaits(ctx, b, locker.Granted, 0)
		Expect(next.At).To(BeNumerically(">", resumed))
		Expect(next.Token).To(BeNumerically(">", g.Token))
		Expect(next.At - resumed).To(BeNumerically("<", 10*time.Second))
		Expect(t.awaits(ctx, a, locker.Released, released.At).Outcome).To(Equal(locker.OK))
	})
})
