package locks_test

import (
	"context"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/locker"
	"github.com/kube-zen/zen-lead/test/proxy"
)

// writesOf are the writes of a lock's status.
func (t *stand) writesOf(lock string) proxy.Match {
	return proxy.Match{Method: http.MethodPut, Resource: "manuallocks/status", Namespace: t.Namespace, Name: lock}
}

// statuses are the answers to the writes of a lock by a replica.
func (t *stand) statuses(s *seat, lock string) (all []int) {
	for _, w := range s.proxy.Writes(t.writesOf(lock)) {
		all = append(all, w.Status)
	}
	return all
}

// answered waits until a write of a lock by a replica was answered that was not before, and returns with what.
func (t *stand) answered(ctx context.Context, s *seat, lock string, before int) (status int) {
	GinkgoHelper()
	Eventually(ctx, func() int { return len(t.statuses(s, lock)) }).Should(BeNumerically(">", before))
	return t.statuses(s, lock)[before]
}

// isPassedOn fails where a holder does not give the lock up to who comes next.
func (t *stand) isPassedOn(ctx context.Context, holder *locker.Process, token int64, lock string, at ...*seat) {
	GinkgoHelper()
	next, _ := t.locker("next-of-"+lock, at, on(lock))
	t.awaits(ctx, next, locker.Waits, 0)
	left := election.Now()
	Expect(holder.Yield()).To(Succeed())
	e := t.awaits(ctx, next, locker.Granted, 0)
	Expect(e.At - left).To(BeNumerically("<", soon))
	Expect(e.Token).To(BeNumerically(">", token))
	Expect(next.Stop()).To(Succeed())
	Expect(t.holder(ctx, lock)).To(BeEmpty())
}

var _ = Describe("The home of a lock that is killed", func() {
	// The locker asks the home first, and the other replica once the stream has broken.
	stage := func(ctx context.Context) (t *stand, home, rest *seat, lock string) {
		t = newStand(ctx, 2)
		home, rest = t.seats[0], t.seats[1]
		return t, home, rest, t.lockAt(ctx, home, 5)
	}

	It("before its grant reaches the API server: another one grants, and what arrives late is refused", func(ctx context.Context) {
		t, home, rest, lock := stage(ctx)
		held := home.proxy.HoldOne(t.writesOf(lock))
		a, _ := t.locker("a", []*seat{home, rest}, on(lock), once)
		Expect(held.Await(ctx, 1)).To(Succeed())
		before := len(t.statuses(home, lock))
		killed := election.Now()
		Expect(home.Kill()).To(Succeed())
		g := t.awaits(ctx, a, locker.Granted, 0)
		Expect(g.At-killed).To(BeNumerically("<", soon+time.Second), "who passes on notices within a second")
		Expect(g.Home).To(Equal(rest.name))
		held.Release()
		Expect(t.answered(ctx, home, lock, before)).To(Equal(http.StatusConflict))
		t.renews(ctx, a)
		Expect(t.holder(ctx, lock)).To(Equal(g.Request))
		t.isPassedOn(ctx, a, g.Token, lock, rest)
	}, limit)

	It("after its grant was committed, before it heard so: the same request gets the same token", func(ctx context.Context) {
		t, home, rest, lock := stage(ctx)
		held := home.proxy.HoldReply(t.writesOf(lock), 1)
		a, _ := t.locker("a", []*seat{home, rest}, on(lock), once)
		Expect(held.Await(ctx, 1)).To(Succeed())
		was := t.status(ctx, lock).Holders[0]
		Expect(was.Home).To(Equal(home.name))
		Expect(home.Kill()).To(Succeed())
		held.Drop()
		g := t.awaits(ctx, a, locker.Granted, 0)
		Expect(g.Token).To(Equal(was.Token))
		Expect(g.Attempt).To(BeNumerically(">", 1))
		Expect(g.Home).To(Equal(rest.name))
		t.renews(ctx, a)
		t.isPassedOn(ctx, a, g.Token, lock, rest)
	}, limit)

	It("after the locker was told: its renewals move the lock, which it does not lose", func(ctx context.Context) {
		t, home, rest, lock := stage(ctx)
		a, _ := t.locker("a", []*seat{home, rest}, on(lock), once)
		g := t.awaits(ctx, a, locker.Granted, 0)
		Expect(g.Home).To(Equal(home.name))
		Expect(home.Kill()).To(Succeed())
		for range faults.Longer(1, 4) {
			t.renews(ctx, a)
		}
		is := t.status(ctx, lock).Holders[0]
		Expect(is.RequestID).To(Equal(g.Request))
		Expect(is.Token).To(Equal(g.Token))
		Expect(is.Home).To(Equal(rest.name))
		t.isPassedOn(ctx, a, g.Token, lock, rest)
	}, limit)

	long("together with its holder: another one frees the lock once the home's Lease has passed, and the ttl", func(ctx context.Context) {
		t, home, rest, lock := stage(ctx)
		a, _ := t.locker("a", []*seat{home, rest}, on(lock), once)
		g := t.awaits(ctx, a, locker.Granted, 0)
		sent := t.renews(ctx, a)
		b, _ := t.locker("b", []*seat{rest}, on(lock), once)
		t.awaits(ctx, b, locker.Waits, 0)
		Expect(a.Kill()).To(Succeed())
		Expect(home.Kill()).To(Succeed())
		killed := election.Now()
		next := t.awaits(ctx, b, locker.Granted, 0)
		Expect(next.Token).To(BeNumerically(">", g.Token))
		const ofReplica = 15 * time.Second
		Expect(next.At-sent).To(BeNumerically(">", seconds(5)*21/20), "not before its ttl")
		Expect(next.At - killed).To(And(BeNumerically(">", ofReplica-5*time.Second+seconds(5)), BeNumerically("<", (ofReplica+seconds(5))*21/20+2*time.Second+6*time.Second)))
	})
})
