package election_test

import (
	"context"
	"net/http"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/proxy"
)

// lands releases a write that is held, and waits until it was answered; it returns with what.
func lands(ctx context.Context, p *proxy.Proxy, held *proxy.Rule) (status int) {
	GinkgoHelper()
	Expect(held.Count()).To(Equal(1), "a write is held")
	before := p.Writes(leaseWrite)
	held.Release()
	var after []proxy.Exchange
	Eventually(ctx, func() int { after = p.Writes(leaseWrite); return len(after) }).Should(BeNumerically(">", len(before)))
	return after[len(before)].Status
}

// isReleased waits until nobody holds the Lease, or a member does that works.
func (t *contest) isReleased(ctx context.Context) {
	GinkgoHelper()
	Eventually(ctx, func() string { return t.holder(ctx) }).WithTimeout(soon).Should(BeEmpty())
}

var _ = Describe("A write that arrives late", func() {
	It("to begin a term: another on the same version has, and it fails", func(ctx context.Context) {
		t := newContest(ctx)
		p := t.proxy()
		held := p.HoldOne(leaseWrite)
		leader := t.member(ctx, "a", through(p))
		began := t.leads(ctx, leader) // by its second write
		Expect(lands(ctx, p, held)).To(Equal(http.StatusConflict))
		t.staysWith(ctx, leader, began)
	}, limit)

	It("to begin a term, of a process that has stopped: it was settled before the process stopped", func(ctx context.Context) {
		t := newContest(ctx)
		p := t.proxy()
		held := p.HoldOne(leaseWrite)
		leader := t.member(ctx, "a", through(p))
		Expect(held.Await(ctx, 1)).To(Succeed())
		Expect(leader.Stop()).To(Succeed())
		Expect(lands(ctx, p, held)).To(Equal(http.StatusConflict))
		t.isReleased(ctx)
		began := t.leads(ctx, t.member(ctx, "b"))
		Expect(election.Now()-began.At).To(BeNumerically("<", durations.Lease), "it had nobody to wait for")
	}, limit)

	long("to begin a term, of a process that is dead: others wait for it, no longer than for any", func(ctx context.Context) {
		t := newContest(ctx)
		p := t.proxy()
		held := p.HoldOne(leaseWrite)
		leader := t.member(ctx, "a", through(p))
		Expect(held.Await(ctx, 1)).To(Succeed())
		Expect(leader.Kill()).To(Succeed())
		Expect(lands(ctx, p, held)).To(Equal(http.StatusOK))
		Expect(t.holder(ctx)).To(Equal("a"))
		landed := t.lastWrite()
		next := t.leads(ctx, t.member(ctx, "b"))
		Expect(next.At - landed).To(And(BeNumerically(">", durations.Lease), BeNumerically("<", 2*durations.Lease)))
	})

	long("to renew: the next renewal on the same version has arrived, and it fails", func(ctx context.Context) {
		t := newContest(ctx)
		leader, _, p, began := t.pair(ctx)
		held := p.HoldOne(leaseWrite)
		Expect(held.Await(ctx, 1)).To(Succeed())
		t.renews(ctx)
		Expect(lands(ctx, p, held)).To(Equal(http.StatusConflict))
		t.staysWith(ctx, leader, began)
	})

	It("to renew, once the holder has stopped: it is found and released", func(ctx context.Context) {
		t := newContest(ctx)
		leader, _, p, _ := t.pair(ctx)
		known := t.renews(ctx)
		held := p.HoldOne(leaseWrite)
		others := p.Hold(leaseWrite)
		told := t.awaits(ctx, leader, "told", known)
		bound(told, known)
		Expect(lands(ctx, p, held)).To(Equal(http.StatusOK))
		landed := t.renewed(ctx, known)
		others.Drop()
		next := t.awaits(ctx, nil, "began", landed)
		Expect(next.At-landed).To(BeNumerically("<", durations.Lease), "it was released")
		t.staysWith(ctx, next.Member, next)
	}, limit)

	long("to renew, once the holder is dead: others wait once more, no longer", func(ctx context.Context) {
		t := newContest(ctx)
		leader, standby, p, _ := t.pair(ctx)
		known := t.renews(ctx)
		held := p.HoldOne(leaseWrite)
		Expect(held.Await(ctx, 1)).To(Succeed())
		Expect(leader.Kill()).To(Succeed())
		Expect(lands(ctx, p, held)).To(Equal(http.StatusOK))
		landed := t.renewed(ctx, known)
		next := t.leads(ctx, standby)
		Expect(next.At - landed).To(And(BeNumerically(">", durations.Lease), BeNumerically("<", 2*durations.Lease)))
	})
})

// renewed waits for a version later than after, and returns when the watch told of it.
func (t *contest) renewed(ctx context.Context, after time.Duration) (at time.Duration) {
	GinkgoHelper()
	Eventually(ctx, func() bool {
		all := t.records.all()
		i := slices.IndexFunc(all, func(s sight) bool { return s.at > after })
		if i >= 0 {
			at = all[i].at
		}
		return i >= 0
	}).Should(BeTrue())
	return at
}

var _ = Describe("A renewal that is done, whose answer comes late before the link is cut", func() {
	// The successor counts from the renewal. Whoever counts from its answer works for as much longer as that took.
	DescribeTable("ends the work before the next begins", func(ctx context.Context, delay time.Duration) {
		t := newContest(ctx)
		leader, standby, p, began := t.pair(ctx)
		known := t.renews(ctx)
		kept := p.HoldReply(proxy.Match{}, proxy.Always) // the watch's too: it would tell
		p.Break()
		renewed := t.renewed(ctx, known)
		pass(ctx, delay)
		cut := p.Hold(proxy.Match{})
		kept.Release()
		p.Break()
		next := t.leads(ctx, standby)
		told := t.awaits(ctx, leader, "told", began.At)
		ended := t.awaits(ctx, leader, "ended", began.At)
		Expect(ended.At).To(BeNumerically("<", next.At))
		Expect(next.At - renewed).To(BeNumerically(">", durations.Lease))
		bound(told, renewed)
		Expect(accepted(p)).To(BeNumerically(">=", 3), "one to begin, two renewals")
		Expect(cut.Count()).To(BeNumerically(">=", 1))
	},
		Entry("within the time of a request", limit, 400*time.Millisecond),
		faults.OnlyFull(
			Entry("later than the next try", limit, 900*time.Millisecond),
			Entry("after nearly the whole duration", limit, 2800*time.Millisecond),
		),
	)
})
