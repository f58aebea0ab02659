package agent_test

import (
	"context"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/scribe"
)

var _ = Describe("A command", func() {
	It("that exits: its code is the agent's, and the next one begins at once, though it left children", func(ctx context.Context) {
		t := newContest(ctx)
		leader, standby := t.pair(ctx, runs("-brood", "-writes", "100", "-code", "3"))
		Expect(leader.exits(ctx)).To(Equal(3))
		last := t.wrote(leader)
		next := t.writes(ctx, standby, last.At)
		Expect(next.At - last.At).To(BeNumerically("<", atOnce))
	}, limit)

	long("that exits with 0 at once, again and again: the lead goes round, slower and slower", func(ctx context.Context) {
		t := newContest(ctx)
		for _, name := range []string{"a", "b"} {
			t.member(name, flags("--restart"), runs("-writes", "1"))
		}
		terms := map[int64]string{}
		first, err := t.Await(ctx, 0, func(scribe.Write) bool { return true })
		Expect(err).NotTo(HaveOccurred())
		_, err = t.Await(ctx, first.At, func(w scribe.Write) bool { terms[w.Term] = w.Who; return len(terms) == 6 })
		Expect(err).NotTo(HaveOccurred())
		Expect(terms).To(ContainElements("a", "b"))
		// each of the two waits 1 s and then 2 s between its terms
		Expect(now() - first.At).To(BeNumerically(">", 2500*time.Millisecond))
	})

	It("that closes its pipes and ignores SIGTERM, cut off from the API server: it ends by the hard stop", func(ctx context.Context) {
		t := newContest(ctx)
		p := t.proxy()
		leader, standby := t.pair(ctx, through(p), runs("-stays", "-closes", "-brood"))
		t.writers(ctx, leader, brood)
		at := now()
		cut := p.Cut()
		told, err := t.Await(ctx, at, func(w scribe.Write) bool { return w.Who == leader.name && w.What == "told" })
		Expect(err).NotTo(HaveOccurred())
		Expect(told.At - at).To(BeNumerically("<", durations.RenewDeadline+atOnce/4))
		next := t.writes(ctx, standby, at)
		last := t.wrote(leader)
		Expect(last.At - at).To(BeNumerically("<", durations.HardStop()))
		Expect(last.At).To(BeNumerically(">", told.At), "it wrote on: it ignores SIGTERM")
		Expect(next.At).To(BeNumerically(">", last.At))
		cut.Release()
		leader.log.await(ctx, "Waiting for the lead")
	}, limit)

	long("that ends by itself within the time that is left: the next term begins no sooner", func(ctx context.Context) {
		t := newContest(ctx)
		p := t.proxy()
		leader, standby := t.pair(ctx, through(p), runs("-lingers", "300ms"))
		at := now()
		p.Cut()
		next := t.writes(ctx, standby, at)
		Expect(next.At).To(BeNumerically(">", t.wrote(leader).At))
	})

	It("that ignores SIGTERM, at a handover: it ends after the grace period, and the successor begins at once", func(ctx context.Context) {
		t := newContest(ctx)
		leader, standby := t.pair(ctx, flags("--grace-period", "300ms"), runs("-stays", "-brood"))
		t.writers(ctx, leader, brood)
		t.handOver(ctx, standby.name)
		told, err := t.Await(ctx, 0, func(w scribe.Write) bool { return w.Who == leader.name && w.What == "told" })
		Expect(err).NotTo(HaveOccurred())
		next := t.writes(ctx, standby, told.At)
		last := t.wrote(leader)
		Expect(last.At - told.At).To(And(BeNumerically(">", 200*time.Millisecond), BeNumerically("<", 300*time.Millisecond+atOnce)))
		Expect(next.At - last.At).To(BeNumerically("<", atOnce))
		leader.log.await(ctx, "Waiting for the lead")
	}, limit)

	It("gets the other signals", func(ctx context.Context) {
		t := newContest(ctx)
		leader := t.member("a", func(o *options) {
			o.command = []string{"/bin/sh", "-c", `trap 'exit 9' USR1; "$@" & while :; do sleep 0.01; done`, "sh", scribePath, "-to", t.URL, "-who", "a"}
		})
		t.writes(ctx, leader, 0)
		leader.signal(syscall.SIGUSR1)
		Expect(leader.exits(ctx)).To(Equal(9))
	}, limit)

	It("that is not there is told before anybody contends", func(ctx context.Context) {
		t := newContest(ctx)
		Expect(t.member("a", func(o *options) { o.command = []string{"/nowhere/to/be/found"} }).exits(ctx)).To(Equal(127))
		Expect(t.member("a", func(o *options) { o.command = []string{"/etc/passwd"} }).exits(ctx)).To(Equal(126))
		l, err := t.lease.Get(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(l.Record.Base).To(BeZero(), "nobody ever led")
	}, limit)
})

// handOver asks for a successor, as the controller does.
func (t *contest) handOver(ctx context.Context, to string) {
	GinkgoHelper()
	Eventually(func() error {
		l, err := t.lease.Get(ctx)
		if err != nil {
			return err
		}
		r := l.Record
		r.Successor = to
		_, err = t.lease.Put(ctx, l, r)
		return err
	}).Should(Succeed())
}
