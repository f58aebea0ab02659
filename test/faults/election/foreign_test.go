package election_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/core/term"
	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/faults"
)

// clientGo makes a member of client-go's elector, with the durations of the pool.
func clientGo(o *election.Options) {
	o.Elector = election.ClientGo
	o.Args = append(o.Args, "-lease", durations.Lease.String(), "-renew", durations.RenewDeadline.String(), "-retry", "500ms", "-request-timeout", "1s")
}

// follows fails unless after is of the term after before's, on the same base.
func follows(before, after term.Record) {
	GinkgoHelper()
	Expect(after.Base).To(Equal(before.Base))
	Expect(after.Transitions).To(Equal(before.Transitions + 1))
}

var _ = Describe("client-go's elector on a pool's Lease", func() {
	record := func(ctx context.Context, t *contest) term.Record {
		GinkgoHelper()
		l, err := t.lease.Get(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(l.Record.Held()).To(BeTrue())
		return l.Record
	}

	DescribeTable("takes turns with ours: one at a time, terms grow", func(ctx context.Context, leave func(*election.Member) error, least, most time.Duration) {
		t := newContest(ctx)
		ours := t.member(ctx, "a")
		t.leads(ctx, ours)
		first := record(ctx, t)
		theirs := t.member(ctx, "theirs", clientGo)
		for range 2 {
			t.renews(ctx)
		}
		Expect(t.Works()).To(HaveLen(1))

		left := election.Now()
		Expect(leave(ours)).To(Succeed())
		took := t.leads(ctx, theirs)
		Expect(took.At - left).To(And(BeNumerically(">", least), BeNumerically("<", most)))
		second := record(ctx, t)
		follows(first, second)

		again := t.member(ctx, "a")
		t.stands(ctx, again)
		for range 2 {
			t.renews(ctx)
		}
		Expect(t.Works()).To(HaveLen(2))
		left = election.Now()
		Expect(leave(theirs)).To(Succeed())
		back := t.leads(ctx, again)
		Expect(back.At - left).To(And(BeNumerically(">", least), BeNumerically("<", most)))
		third := record(ctx, t)
		follows(second, third)
		Expect(third.Term()).To(BeEquivalentTo(back.Term))
	},
		Entry("each gives up", limit, (*election.Member).Stop, time.Duration(0), 2*time.Second),
		faults.OnlyFull(Entry("each is killed", limit, (*election.Member).Kill, durations.Lease-durations.Interval(), 2*durations.Lease)),
	)

	long("has a Lease of its own making to itself", func(ctx context.Context) {
		t := newContest(ctx)
		Expect(t.remove(ctx)).To(Succeed())
		theirs := t.member(ctx, "theirs", clientGo)
		t.leads(ctx, theirs) // of a Lease that it made
		ours := t.member(ctx, "a")
		Expect(t.awaits(ctx, ours, "waits", 0).Cause).To(Equal(term.WhyStranger))
		Expect(theirs.Stop()).To(Succeed())
		other := t.member(ctx, "theirs", clientGo)
		t.leads(ctx, other)
		t.renews(ctx)
		Expect(t.Works()).To(HaveLen(2), "ours leaves it alone while it is free, too")
	})
})
