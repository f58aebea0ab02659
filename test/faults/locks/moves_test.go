package locks_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/locker"
)

// busy has lockers take some locks one after the other.
func busy(locks []string, workers int) func(*locker.Options) {
	return func(o *locker.Options) {
		o.Locks, o.Workers, o.Increments, o.Rest, o.Patience, o.Seed = locks, workers, 1, 5*time.Millisecond, 3*time.Second, uint64(len(o.Name))
	}
}

var _ = Describe("Locks that are taken all the time", func() {
	long("are moved to a replica that joins, and away from one that ends: nothing is lost, and nobody waits for a ttl", func(ctx context.Context) {
		t := newStand(ctx, 2)
		var locks []string
		for range 20 {
			locks = append(locks, t.lock(ctx, 5))
		}
		kept, _ := t.locker("kept", t.seats, on(t.lock(ctx, 6)), once)
		g := t.awaits(ctx, kept, locker.Granted, 0)
		for i := range 3 {
			t.locker(fmt.Sprint("busy-", i), t.seats, busy(locks, 8))
		}
		homes := func(since time.Duration) map[string]int {
			n := map[string]int{}
			for _, r := range t.history() {
				if r.granted > since {
					n[r.home]++
				}
			}
			return n
		}
		pass(ctx, 2*time.Second)
		third := t.seat(ctx)
		Eventually(ctx, func() int { return homes(0)[third.name] }).WithTimeout(time.Minute).Should(BeNumerically(">", 50), "it is home to some")
		t.renews(ctx, kept)

		ends := t.seats[0]
		ended := election.Now()
		Expect(ends.Stop(ctx)).To(Succeed())
		pass(ctx, 5*time.Second)
		Expect(homes(ended + 2*time.Second)).NotTo(HaveKey(ends.name))
		for range 2 {
			t.renews(ctx, kept)
		}
		Expect(t.holder(ctx, kept.Locks[0])).To(Equal(g.Request))
		for _, p := range t.lockers {
			Expect(p.Stop()).To(Succeed())
		}
		for _, lock := range t.records.locks() {
			for _, v := range t.records.of(lock) {
				if l := v.status.LastTransition; l != nil {
					Expect(l.Reason).NotTo(Equal("Expired"), "%s: %s", lock, l.Message)
				}
			}
		}
	})
})
