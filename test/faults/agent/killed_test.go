package agent_test

import (
	"context"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/scribe"
)

// brood is how many processes of a scribe with -brood write.
const brood = 4

// atOnce is how long what a kernel or a process does by itself may take on a busy machine.
const atOnce = time.Second

var _ = Describe("The agent", func() {
	It("killed with SIGKILL: nothing that it ran outlives it, and the next term begins after its duration", func(ctx context.Context) {
		t := newContest(ctx)
		leader, standby := t.pair(ctx, runs("-stays", "-brood"))
		t.writers(ctx, leader, brood)
		at := now()
		leader.signal(syscall.SIGKILL)
		t.awaitNothingOf(leader)
		Expect(t.wrote(leader).At - at).To(BeNumerically("<", atOnce))
		next := t.writes(ctx, standby, at)
		Expect(next.At-at).To(BeNumerically(">", durations.Lease-durations.Interval()), "nobody knows that it is dead")
	}, limit)

	It("standing still for long: what it ran ends before the next term begins, and it contends again", func(ctx context.Context) {
		t := newContest(ctx)
		leader, standby := t.pair(ctx, runs("-stays", "-brood"))
		t.writers(ctx, leader, brood)
		at := now()
		leader.signal(syscall.SIGSTOP)
		next := t.writes(ctx, standby, at)
		Expect(t.wrote(leader).At).To(BeNumerically("<", next.At))
		Expect(next.At - at).To(BeNumerically(">", durations.Lease-durations.Interval()))
		Expect(leader.guards()).To(BeEmpty(), "the guard has ended, with all that it guarded")
		pass(ctx, at+faults.Longer(durations.Lease, 3*durations.Lease)-now())
		resumed := now()
		leader.signal(syscall.SIGCONT)
		leader.log.await(ctx, "Waiting for the lead")
		standby.signal(syscall.SIGTERM)
		Expect(standby.exits(ctx)).To(BeZero())
		Expect(t.writes(ctx, leader, resumed).Term).To(BeNumerically(">", next.Term))
	}, limit)

	It("standing still with all that it runs: the fence refuses what they write when they wake", func(ctx context.Context) {
		t := newContest(ctx)
		t.lateExpected = true
		leader, standby := t.pair(ctx, runs("-brood"))
		t.writers(ctx, leader, brood)
		at := now()
		all := marked("ZEN_LEAD_IDENTITY="+leader.name, t.mark)
		for _, pid := range all {
			Expect(syscall.Kill(pid, syscall.SIGSTOP)).To(Succeed())
		}
		next := t.writes(ctx, standby, at)
		for range 5 {
			next = t.writes(ctx, standby, next.At)
		}
		woken := now()
		for i := range all { // the writers first: nobody can help them
			Expect(syscall.Kill(all[len(all)-1-i], syscall.SIGCONT)).To(Succeed())
		}
		leader.log.await(ctx, "The command has ended")
		last := t.wrote(leader)
		Expect(last.At).To(BeNumerically(">", woken), "they wrote on")
		Expect(last.At-woken).To(BeNumerically("<", atOnce), "until their guard woke")
		Expect(t.Late()).NotTo(BeEmpty(), "an unfenced register takes what a fence would refuse")
	}, limit)

	It("told by SIGTERM: so is its command, whose exit code it returns, and the next one begins at once", func(ctx context.Context) {
		t := newContest(ctx)
		leader, standby := t.pair(ctx, runs("-code", "7", "-lingers", "300ms", "-brood"))
		t.writers(ctx, leader, brood)
		at := now()
		leader.signal(syscall.SIGTERM)
		Expect(leader.exits(ctx)).To(Equal(7))
		next := t.writes(ctx, standby, at)
		Expect(t.wrote(leader).At-at).To(BeNumerically(">", 250*time.Millisecond), "it had its time")
		Expect(next.At - t.wrote(leader).At).To(BeNumerically("<", atOnce))
	}, limit)

	It("told by SIGTERM while it waits: it ends as a program does that a signal ends", func(ctx context.Context) {
		t := newContest(ctx)
		_, standby := t.pair(ctx)
		standby.signal(syscall.SIGTERM)
		Expect(standby.exits(ctx)).To(Equal(128 + int(syscall.SIGTERM)))
	}, limit)

	It("as the first process of a container, killed: its next start leads at once", func(ctx context.Context) {
		t := newContest(ctx)
		leader := t.member("a", inContainer, runs("-stays", "-brood"))
		t.writers(ctx, leader, brood)
		standby := t.member("b")
		standby.stands(ctx)
		before := t.wrote(leader)
		at := now()
		leader.signal(syscall.SIGKILL)
		leader.exits(ctx)
		t.awaitNothingOf(leader)
		t.member("a", inContainer)
		next, err := t.Await(ctx, at, func(w scribe.Write) bool { return w.Term > before.Term })
		Expect(err).NotTo(HaveOccurred())
		Expect(next.Who).To(Equal("a"))
		Expect(next.At-at).To(BeNumerically("<", durations.Lease-durations.Interval()), "nobody waited for the duration")
	}, limit)
})

var _ = Describe("The guard", func() {
	It("killed: the agent ends what it guarded, and tells of it by its exit code", func(ctx context.Context) {
		t := newContest(ctx)
		leader, standby := t.pair(ctx, runs("-stays", "-brood"))
		t.writers(ctx, leader, brood)
		at := now()
		guards := leader.guards()
		Expect(guards).To(HaveLen(1))
		Expect(syscall.Kill(guards[0], syscall.SIGKILL)).To(Succeed())
		Expect(leader.exits(ctx)).To(Equal(128 + int(syscall.SIGKILL)))
		next := t.writes(ctx, standby, at)
		Expect(next.At-at).To(BeNumerically("<", atOnce), "it was released")
		Expect(t.wrote(leader).At).To(BeNumerically("<", next.At))
	}, limit)

	It("standing still, and the API server out of reach: the agent ends what it guarded before the next term", func(ctx context.Context) {
		t := newContest(ctx)
		p := t.proxy()
		leader, standby := t.pair(ctx, through(p), runs("-stays", "-brood"))
		t.writers(ctx, leader, brood)
		Expect(syscall.Kill(leader.guards()[0], syscall.SIGSTOP)).To(Succeed())
		at := now()
		p.Cut()
		next := t.writes(ctx, standby, at)
		Expect(t.wrote(leader).At).To(BeNumerically("<", next.At))
		Expect(t.wrote(leader).At-at).To(BeNumerically(">", durations.RenewDeadline-durations.Interval()), "it worked as long as it might")
		leader.log.await(ctx, "The guard had not ended the command in time")
	}, limit)
})
