package locks_test

import (
	"context"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/locker"
	"github.com/kube-zen/zen-lead/test/proxy"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

// conflicts is how many writes of a lock by a replica were refused as the record was another.
func (t *stand) conflicts(s *seat, lock string) (n int) {
	for _, status := range t.statuses(s, lock) {
		if status == http.StatusConflict {
			n++
		}
	}
	return n
}

var _ = Describe("The home of a lock that stands still", func() {
	long("for longer than the ttl: its holder moves away, and does not lose the lock when it goes on", func(ctx context.Context) {
		t := newStand(ctx, 2)
		home, rest := t.seats[0], t.seats[1]
		lock := t.lockAt(ctx, home, 4)
		a, _ := t.locker("a", []*seat{home, rest}, on(lock), once)
		g := t.awaits(ctx, a, locker.Granted, 0)
		Expect(g.Home).To(Equal(home.name))
		t.renews(ctx, a)
		blind := home.proxy.Hold(proxy.Match{Resource: "manuallocks", Watch: true})
		home.proxy.Break()
		Expect(blind.Await(ctx, 1)).To(Succeed(), "it will not hear what happens meanwhile")
		t.renews(ctx, a)
		Expect(home.Freeze()).To(Succeed())
		froze := election.Now()
		t.renews(ctx, a)
		Expect(t.status(ctx, lock).Holders[0].Home).To(Equal(rest.name))
		pass(ctx, froze+6*time.Second-election.Now())
		Expect(home.Resume()).To(Succeed())
		Eventually(ctx, func() int { return t.conflicts(home, lock) }).Should(BeNumerically(">", 0), "its memory says that the holder's time has passed")
		blind.Release()
		for range 2 {
			t.renews(ctx, a)
		}
		Expect(t.holder(ctx, lock)).To(Equal(g.Request))
		t.isPassedOn(ctx, a, g.Token, lock, rest)
	})

	long("for longer than its Lease lasts: it acknowledges nothing of before, and another one has freed the lock of a holder that is dead", func(ctx context.Context) {
		t := newStand(ctx, 2)
		home, rest := t.seats[0], t.seats[1]
		lock, kept := t.lockAt(ctx, home, 4), t.lockAt(ctx, home, 4)
		a, _ := t.locker("a", []*seat{home}, on(lock), once)
		g := t.awaits(ctx, a, locker.Granted, 0)
		k, _ := t.locker("k", []*seat{home, rest}, on(kept), once)
		t.awaits(ctx, k, locker.Granted, 0)
		b, _ := t.locker("b", []*seat{rest}, on(lock), once)
		t.awaits(ctx, b, locker.Waits, 0)
		t.renews(ctx, a)
		t.renews(ctx, k)
		Expect(home.Freeze()).To(Succeed())
		froze := election.Now()
		next := t.awaits(ctx, b, locker.Granted, 0)
		Expect(next.Token).To(BeNumerically(">", g.Token))
		Expect(next.At - froze).To(BeNumerically(">", 14*time.Second))
		Expect(home.Resume()).To(Succeed())
		Eventually(ctx, func() ([]string, error) { return home.Lines("Another name") }).ShouldNot(BeEmpty())
		t.renews(ctx, k)
		t.renews(ctx, b)
		t.isPassedOn(ctx, b, next.Token, lock, rest)
	})
})

var _ = Describe("A replica whose Lease an administrator deletes", func() {
	long("goes on under another name; holders go on too", func(ctx context.Context) {
		t := newStand(ctx, 2)
		home, rest := t.seats[0], t.seats[1]
		lock := t.lockAt(ctx, home, 5)
		a, _ := t.locker("a", []*seat{home, rest}, on(lock), once)
		g := t.awaits(ctx, a, locker.Granted, 0)
		t.renews(ctx, a)
		l := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: zenlead.Namespace, Name: home.name}}
		Expect(t.Delete(ctx, l)).To(Succeed())
		Eventually(ctx, func() string {
			t.renews(ctx, a)
			return t.status(ctx, lock).Holders[0].Home
		}).ShouldNot(Equal(home.name))
		lines, err := home.Lines("Another name")
		Expect(err).NotTo(HaveOccurred())
		Expect(lines).To(HaveLen(1))
		Expect(t.holder(ctx, lock)).To(Equal(g.Request))
		t.isPassedOn(ctx, a, g.Token, lock, rest)
	})
})

var _ = Describe("Replicas whose watches are cut", func() {
	long("and whose writes arrive let no holder of one another expire", func(ctx context.Context) {
		t := newStand(ctx, 2)
		var lockers []*locker.Process
		var locks []string
		var held []locker.Entry
		for _, home := range t.seats {
			lock := t.lockAt(ctx, home, 5)
			p, _ := t.locker("at-"+lock, []*seat{home}, on(lock), once)
			held = append(held, t.awaits(ctx, p, locker.Granted, 0))
			lockers, locks = append(lockers, p), append(locks, lock)
		}
		var cuts []*proxy.Rule
		for _, s := range t.seats {
			cuts = append(cuts, s.proxy.Hold(proxy.Match{Watch: true}))
			s.proxy.Break()
		}
		leases := func(s *seat) int {
			return len(s.proxy.Writes(proxy.Match{Method: http.MethodPut, Resource: "leases", Name: s.name}))
		}
		before := []int{leases(t.seats[0]), leases(t.seats[1])}
		began := election.Now()
		for election.Now()-began < 25*time.Second { // the Lease of a replica, and the ttl, and both margins
			for _, p := range lockers {
				t.renews(ctx, p)
			}
		}
		for i, lock := range locks {
			Expect(cuts[i].Count()).To(BeNumerically(">", 0), "it tried to watch")
			Expect(leases(t.seats[i])).To(BeNumerically(">", before[i]+2), "its writes arrive")
			h := t.status(ctx, lock).Holders[0]
			Expect(h.RequestID).To(Equal(held[i].Request))
			Expect(h.Home).To(Equal(t.seats[i].name))
		}
		for i, r := range cuts {
			r.Release()
			t.isPassedOn(ctx, lockers[i], held[i].Token, locks[i], t.seats...)
		}
	})
})
