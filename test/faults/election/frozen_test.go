package election_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/faults"
)

// freeze stops the leader between its read of the register and its write, until another has led for a while; then the leader goes
// on.
func (t *contest) freeze(ctx context.Context, r *register, sleep time.Duration, set ...func(*election.Options)) (leader *election.Member, began election.Entry, resumed time.Duration) {
	GinkgoHelper()
	leader = t.member(ctx, "a", append(set, r.of, patient)...)
	began = t.leads(ctx, leader)
	standby := t.member(ctx, "b", r.of)
	t.stands(ctx, standby)
	t.awaits(ctx, leader, "wrote", 0)

	reached, release := r.hold(began.Term)
	Eventually(ctx, reached).Should(Receive())
	t.Note(leader, "frozen")
	Expect(leader.Freeze()).To(Succeed())
	release()
	froze := election.Now()
	next := t.leads(ctx, standby)
	Expect(next.At-froze).To(BeNumerically(">", durations.Lease-durations.Interval()), "nobody knows that it stands still")
	for range 5 { // the write of the sleeper would undo these
		next = t.awaits(ctx, standby, "wrote", next.At)
	}
	pass(ctx, froze+sleep-election.Now())
	resumed = election.Now()
	Expect(leader.Resume()).To(Succeed())
	t.Note(leader, "resumed")
	return leader, began, resumed
}

// patient has a member wait for an answer that comes when it wakes.
func patient(o *election.Options) { o.Args = append(o.Args, "-patience", "1m") }

// survives has a member go on where its process would exit.
func survives(o *election.Options) { o.Args = append(o.Args, "-survive") }

// pass waits for time to pass, where the time itself is the fault.
func pass(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// nothingLost fails where an increment that was acknowledged is not in the register, or another is.
func (t *contest) nothingLost(r *register) {
	GinkgoHelper()
	t.stop()
	value, _ := r.has()
	Expect(t.history().unknown()).To(BeZero())
	Expect(t.history().acknowledged()).To(BeEquivalentTo(value))
	Expect(value).To(BeNumerically(">", 5))
}

var _ = Describe("The holder that stands still in its work", func() {
	It("is told so on its first look, and its late write is refused", func(ctx context.Context) {
		t, r := newContest(ctx), newRegister(true)
		leader, began, resumed := t.freeze(ctx, r, faults.Longer(durations.Lease, 3*durations.Lease), survives)
		late := t.awaits(ctx, leader, "late", resumed)
		Expect(late.At-resumed).To(BeNumerically("<", soon), "on its first look")
		Expect(late.Cause).To(ContainSubstring("lost"))
		refused := t.awaits(ctx, leader, "refused", late.At)
		Expect(refused.Term).To(Equal(began.Term))
		told := t.awaits(ctx, leader, "told", resumed)
		Expect(told.Cause).To(ContainSubstring("lost"))
		t.awaits(ctx, leader, "overran", resumed)
		t.awaits(ctx, leader, "waits", resumed) // it contends again
		Expect(t.history().after(resumed, began.Term)).To(BeZero(), "an increment of the term that is over")
		t.nothingLost(r)
	}, limit)

	long("exits as soon as it goes on, unless it says what to do instead", func(ctx context.Context) {
		t, r := newContest(ctx), newRegister(true)
		leader, began, resumed := t.freeze(ctx, r, durations.Lease)
		gone := t.awaits(ctx, leader, "gone", resumed)
		Expect(gone.At - resumed).To(BeNumerically("<", soon))
		Expect(t.history().after(resumed, began.Term)).To(BeZero())
	})
})
