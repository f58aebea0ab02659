package election_test

import (
	"context"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/proxy"
)

// cut is what becomes of one member's connection.
type cut func(*proxy.Proxy) *proxy.Rule

// requestsLost: what the member writes does not arrive; what it watches it sees.
func requestsLost(p *proxy.Proxy) *proxy.Rule { return p.Hold(leaseWrite) }

// bound fails where a member worked on for longer than it may after at, when a renewal of it that it knew of had been sent.
func bound(w election.Entry, at time.Duration) {
	GinkgoHelper()
	Expect(w.At-at).To(BeNumerically("<", durations.RenewDeadline+soon/2), "it stops by its own bound")
}

// lastWrite is when the watch told of the newest version of the Lease.
func (t *contest) lastWrite() time.Duration {
	all := t.records.all()
	return all[len(all)-1].at
}

// renews waits for the next renewal that the watch tells of.
func (t *contest) renews(ctx context.Context) (at time.Duration) {
	GinkgoHelper()
	n := len(t.records.all())
	Eventually(ctx, func() int { return len(t.records.all()) }).Should(BeNumerically(">", n))
	return t.lastWrite()
}

// accepted is how many writes of the Lease the API server did through a proxy.
func accepted(p *proxy.Proxy) (n int) {
	for _, w := range p.Writes(leaseWrite) {
		if w.Status == http.StatusOK {
			n++
		}
	}
	return n
}

var _ = Describe("One way", func() {
	It("answers of the holder's renewals lost: the holder stops by its own bound, though its renewals arrive", func(ctx context.Context) {
		t := newContest(ctx)
		leader, standby, p, began := t.pair(ctx)
		known := t.renews(ctx)
		written := accepted(p)
		deaf := p.Deafen()
		told := t.awaits(ctx, leader, "told", known)
		bound(told, known)
		Expect(told.Cause).To(ContainSubstring("not known"))
		Expect(accepted(p)).To(BeNumerically(">", written), "renewals arrived")
		next := t.leads(ctx, standby)
		Expect(next.Term).To(BeNumerically(">", began.Term))
		deaf.Release()
		t.staysWith(ctx, standby, next)
	}, limit)

	long("the holder's writes lost: it stops by its own bound, and the next term begins after its duration", func(ctx context.Context) {
		t := newContest(ctx)
		leader, standby, p, _ := t.pair(ctx)
		known := t.renews(ctx)
		lost := requestsLost(p)
		Expect(lost.Await(ctx, 1)).To(Succeed())
		bound(t.awaits(ctx, leader, "told", known), known)
		next := t.leads(ctx, standby)
		Expect(next.At-known).To(BeNumerically(">", durations.Lease), "nobody begins before that")
		lost.Drop()
		t.staysWith(ctx, standby, next)
	})

	long("and the other, for the holder: as with its writes lost", func(ctx context.Context) {
		t := newContest(ctx)
		leader, standby, p, _ := t.pair(ctx)
		known := t.renews(ctx)
		all := p.Cut()
		bound(t.awaits(ctx, leader, "told", known), known)
		next := t.leads(ctx, standby)
		Expect(next.At - known).To(BeNumerically(">", durations.Lease))
		Expect(all.Count()).To(BeNumerically(">=", 1))
		all.Drop()
		t.staysWith(ctx, standby, next)
	})

	DescribeTable("for a standby: the holder's term goes on, and the standby leads once it can", func(ctx context.Context, sever cut) {
		t := newContest(ctx)
		leader := t.member(ctx, "a")
		began := t.leads(ctx, leader)
		p := t.proxy()
		standby := t.member(ctx, "b", through(p))
		t.stands(ctx, standby)
		severed := sever(p)
		for range 5 { // longer than the standby waits for a holder that is silent
			t.renews(ctx)
		}
		Expect(severed.Count()).To(BeNumerically(">=", 1), "it tried to watch, or to write")
		Expect(t.holder(ctx)).To(Equal("a"))
		Expect(t.Works()).To(HaveLen(1))
		severed.Release()
		Expect(leader.Stop()).To(Succeed())
		Expect(t.leads(ctx, standby).Term).To(BeNumerically(">", began.Term))
	},
		faults.OnlyFull(
			Entry("answers lost", limit, cut((*proxy.Proxy).Deafen)),
			Entry("all lost", limit, cut((*proxy.Proxy).Cut)),
		),
	)

	DescribeTable("the answer to an acquisition lost: it is settled, in one term", func(ctx context.Context, lose func(*proxy.Proxy) *proxy.Rule) {
		t := newContest(ctx)
		p := t.proxy()
		lost := lose(p)
		leader := t.member(ctx, "a", through(p))
		began := t.leads(ctx, leader)
		Expect(lost.Count()).To(Equal(1))
		l, err := t.lease.Get(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(l.Record.Term()).To(BeEquivalentTo(began.Term))
		Expect(l.Record.Transitions).To(BeEquivalentTo(1), "it did not begin a second")
		standby := t.member(ctx, "b")
		t.stands(ctx, standby)
		Expect(leader.Stop()).To(Succeed())
		t.leads(ctx, standby)
	},
		Entry("with its connection", limit, func(p *proxy.Proxy) *proxy.Rule { return p.LoseReply(leaseWrite, 1) }),
		Entry("silently", limit, func(p *proxy.Proxy) *proxy.Rule { return p.HoldReply(leaseWrite, 1) }),
	)

	DescribeTable("the answer to a release lost: the next leads at once, and nothing of it is undone", func(ctx context.Context, lose func(*proxy.Proxy) *proxy.Rule) {
		t := newContest(ctx)
		leader, standby, p, began := t.pair(ctx)
		t.renews(ctx)
		lost := lose(p)
		Expect(leader.Yield()).To(Succeed())
		decided := t.awaits(ctx, leader, "decided", began.At)
		next := t.leads(ctx, standby)
		Expect(next.At - decided.At).To(BeNumerically("<", soon))
		Eventually(ctx, lost.Count).Should(Equal(1)) // who watches may hear of the write before the proxy has its answer
		t.stands(ctx, leader)
		t.staysWith(ctx, standby, next)
	},
		Entry("with its connection", limit, func(p *proxy.Proxy) *proxy.Rule { return p.LoseReply(leaseWrite, 1) }),
		faults.OnlyFull(Entry("silently", limit, func(p *proxy.Proxy) *proxy.Rule { return p.HoldReply(leaseWrite, 1) })),
	)
})

// staysWith waits until a leader has renewed once more, after others have done what they do: its term goes on.
func (t *contest) staysWith(ctx context.Context, leader *election.Member, began election.Entry) {
	GinkgoHelper()
	for range 2 {
		t.renews(ctx)
	}
	works := t.Works()
	last := works[len(works)-1]
	Expect(last.Member).To(BeIdenticalTo(leader))
	Expect(last.Term).To(Equal(began.Term))
	Expect(last.Ended).To(BeZero())
}
