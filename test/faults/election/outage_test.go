package election_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/election"
)

var _ = Describe("An outage of the API server", func() {
	long("ends the term by its own bound; none begins until it is back, and one does soon after", func(ctx context.Context) {
		t := newContest(ctx)
		leader := t.member(ctx, "a")
		began := t.leads(ctx, leader)
		t.stands(ctx, t.member(ctx, "b"))
		t.stands(ctx, t.member(ctx, "c"))
		known := t.renews(ctx)
		Expect(c.Kill(cluster.APIServer)).To(Succeed())
		killed := election.Now()
		_, err := t.lease.Get(ctx)
		Expect(err).To(HaveOccurred())
		told := t.awaits(ctx, leader, "told", known)
		Expect(told.At - killed).To(BeNumerically("<", durations.RenewDeadline+soon/2))

		pass(ctx, killed+20*time.Second-election.Now())
		restarting := election.Now()
		Expect(c.Restart(ctx, cluster.APIServer)).To(Succeed())
		back := election.Now()
		next := t.awaits(ctx, nil, "began", killed)
		Expect(next.At).To(BeNumerically(">", restarting), "no term begins while nobody can be asked")
		Expect(next.Term).To(BeNumerically(">", began.Term))
		Expect(next.At-back).To(BeNumerically("<", 2*durations.Lease), "whoever waits begins to wait anew, at most")
		t.staysWith(ctx, next.Member, next)
	})
})
