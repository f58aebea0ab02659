package election_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/kube-zen/zen-lead/test/election"
)

// remove deletes the Lease as an administrator: nobody else may while it is held.
func (t *contest) remove(ctx context.Context) error {
	return t.Delete(ctx, &coordinationv1.Lease{ObjectMeta: t.Meta(pool)})
}

var _ = Describe("A Lease that is deleted while it is held", func() {
	It("ends the term at once; the next is above it and begins after its duration", func(ctx context.Context) {
		t := newContest(ctx)
		leader, _, _, began := t.pair(ctx)
		before := election.Now()
		Expect(t.remove(ctx)).To(Succeed())
		told := t.awaits(ctx, leader, "told", before)
		Expect(told.At - before).To(BeNumerically("<", soon))
		Expect(told.Cause).To(ContainSubstring("deleted"))
		next := t.awaits(ctx, nil, "began", before)
		Expect(next.Term).To(BeNumerically(">", began.Term))
		Expect(next.At - before).To(And(BeNumerically(">", durations.Lease), BeNumerically("<", 2*durations.Lease)))
	}, limit)

	long("ends the term of a holder that does not see it before the next begins", func(ctx context.Context) {
		t := newContest(ctx)
		leader, standby, p, began := t.pair(ctx)
		known := t.renews(ctx)
		cut := p.Cut()
		deleted := election.Now()
		Expect(t.remove(ctx)).To(Succeed())
		bound(t.awaits(ctx, leader, "told", known), known)
		next := t.leads(ctx, standby)
		Expect(next.Term).To(BeNumerically(">", began.Term))
		Expect(next.At - deleted).To(BeNumerically(">", durations.Lease))
		Expect(cut.Count()).To(BeNumerically(">=", 1))
		cut.Drop()
		t.staysWith(ctx, standby, next)
	})
})
