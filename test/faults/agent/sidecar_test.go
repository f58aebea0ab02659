package agent_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
	"github.com/kube-zen/zen-lead/test/faults"
)

func leads(a answer) bool   { return a.leads() }
func follows(a answer) bool { return a.Role == "follower" && a.Holder != "" }
func silent(a answer) bool  { return a.Code == 0 }

// belief is how long an answer may be believed.
const belief = 2 * time.Second

// duo starts a sidecar that leads and one that follows.
func (t *contest) duo(ctx context.Context, set ...func(*options)) (leader, standby *program) {
	GinkgoHelper()
	leader = t.sidecar(ctx, "a", set...)
	leader.hears(ctx, 0, leads)
	standby = t.sidecar(ctx, "b")
	standby.hears(ctx, 0, follows)
	standby.stands(ctx)
	return leader, standby
}

var _ = Describe("The sidecar", func() {
	It("tells the program whether it leads, and until when; a handover waits until nobody believes that any more", func(ctx context.Context) {
		t := newContest(ctx)
		leader, standby := t.duo(ctx)
		is := leader.hears(ctx, 0, leads)
		Expect(is.Code).To(Equal(http.StatusOK))
		Expect(*is.ValidForMs).To(And(BeNumerically(">", 0), BeNumerically("<=", belief.Milliseconds())))
		Expect(is.Holder).To(Equal("a"))
		other := standby.hears(ctx, now(), follows)
		Expect(other.Code).To(Equal(http.StatusServiceUnavailable))
		Expect(other.Holder).To(Equal("a"))
		Expect(other.Term).To(Equal(is.Term))
		Expect(other.ValidForMs).To(BeNil())
		at := now()
		t.handOver(ctx, "b")
		next := standby.hears(ctx, at, leads)
		Expect(next.Term).To(BeNumerically(">", is.Term))
		Expect(next.Received - at).To(And(BeNumerically(">", belief/2), BeNumerically("<", belief+atOnce)))
	}, limit)

	long("killed with SIGKILL: no answer, and the next one leads after the duration", func(ctx context.Context) {
		t := newContest(ctx)
		leader, standby := t.duo(ctx)
		at := now()
		leader.signal(syscall.SIGKILL)
		leader.hears(ctx, at, silent)
		next := standby.hears(ctx, at, leads)
		Expect(next.Received - at).To(BeNumerically(">", durations.Lease-durations.Interval()))
	})

	long("standing still: no answer; it contends again once it goes on", func(ctx context.Context) {
		t := newContest(ctx)
		leader, standby := t.duo(ctx)
		at := now()
		leader.signal(syscall.SIGSTOP)
		leader.hears(ctx, at, silent)
		next := standby.hears(ctx, at, leads)
		pass(ctx, at+faults.Longer(durations.Lease, 3*durations.Lease)-now())
		resumed := now()
		leader.signal(syscall.SIGCONT)
		Expect(leader.hears(ctx, resumed, follows).Term).To(BeNumerically(">=", next.Term))
		leader.log.await(ctx, "Waiting for the lead")
	})

	It("cut off from the API server: 503 in time, and 200 again for the next term only", func(ctx context.Context) {
		t := newContest(ctx)
		p := t.proxy()
		leader, standby := t.duo(ctx, through(p))
		at := now()
		p.Cut()
		end := leader.hears(ctx, at, func(a answer) bool { return a.Role == "follower" })
		Expect(end.Received - at).To(BeNumerically("<", durations.RenewDeadline+atOnce/4))
		standby.hears(ctx, at, leads)
	}, limit)

	long("told by SIGTERM: 503 at once, and the next one leads when nobody believes any more that it does", func(ctx context.Context) {
		t := newContest(ctx)
		leader, standby := t.duo(ctx)
		at := now()
		leader.signal(syscall.SIGTERM)
		leader.hears(ctx, at, func(a answer) bool { return a.Role == "follower" })
		Expect(standby.hears(ctx, at, leads).Received - at).To(BeNumerically("<", belief+atOnce))
		Expect(leader.exits(ctx)).To(BeZero())
	})

	It("keeps a file, and removes it where the disk is full", func(ctx context.Context) {
		t := newContest(ctx)
		dir := GinkgoT().TempDir()
		small := func(o *options) {
			o.prelude = `mount --make-rprivate / && mount -t tmpfs -o size=64k none ` + dir + ` && exec "$@"`
			o.flags = append(o.flags, "--file="+filepath.Join(dir, "leader.json"))
		}
		leader := t.sidecar(ctx, "a", small)
		leader.hears(ctx, 0, leads)
		inside := func(name string) string { return filepath.Join("/proc", leader.pid(), "root", dir, name) }
		read := func() string { b, _ := os.ReadFile(inside("leader.json")); return string(b) } // none is ""
		Eventually(read).WithContext(ctx).Should(And(ContainSubstring(`"role":"leader"`), ContainSubstring(`"validUntilUptime":`)))
		full, err := os.Create(inside("full"))
		Expect(err).NotTo(HaveOccurred())
		_, err = full.WriteString(strings.Repeat("x", 1<<20))
		Expect(err).To(MatchError(syscall.ENOSPC))
		Expect(full.Close()).To(Succeed())
		leader.log.await(ctx, "The file could not be written; it is removed")
		Eventually(read).WithContext(ctx).Should(BeEmpty())
		Expect(os.Remove(inside("full"))).To(Succeed())
		Eventually(read).WithContext(ctx).Should(ContainSubstring(`"role":"leader"`))
		leader.signal(syscall.SIGTERM)
		leader.hears(ctx, now(), func(a answer) bool { return a.Role == "follower" })
		Eventually(read).WithContext(ctx).Should(Or(ContainSubstring(`"role":"follower"`), BeEmpty()))
	}, limit)

	It("runs a hook at each change, and gives the lead up at once when that has succeeded", func(ctx context.Context) {
		t := newContest(ctx)
		dir := GinkgoT().TempDir()
		hook := filepath.Join(dir, "hook")
		said := filepath.Join(dir, "said")
		Expect(os.WriteFile(hook, []byte("#!/bin/sh\nif [ $ZEN_LEAD_ROLE = leader ]; then sleep 1000; fi\necho $ZEN_LEAD_ROLE $ZEN_LEAD_TERM >> "+said+"\n"), 0o700)).To(Succeed())
		leader, standby := t.duo(ctx, flags("--hook="+hook))
		is := leader.hears(ctx, 0, leads)
		at := now()
		t.handOver(ctx, "b")
		next := standby.hears(ctx, at, leads)
		Expect(next.Received-at).To(BeNumerically("<", belief/2), "nobody waited for a belief to end")
		text, err := os.ReadFile(said)
		Expect(err).NotTo(HaveOccurred())
		Expect(strings.Split(strings.TrimSpace(string(text)), "\n")).To(Equal([]string{"follower 0", "follower " + is.term()}), "the one for leader was killed")
		t.programs = nil // the hook told them to stop; what they had asked before is not their belief any more
	}, limit)

	It("tells what zen-lead decided, where it does, and bounds nothing", func(ctx context.Context) {
		t := newContest(ctx)
		t.Policy(ctx, "elected", func(p *v1alpha1.LeaderPolicy) { p.Spec.Mode = v1alpha1.ModeController })
		lease := kube.NewPool(t.leases, t.Namespace, "elected")
		Expect(lease.Create(ctx, time.Second)).To(Succeed())
		dir := GinkgoT().TempDir()
		hook, said := filepath.Join(dir, "hook"), filepath.Join(dir, "said")
		Expect(os.WriteFile(hook, []byte("#!/bin/sh\necho $ZEN_LEAD_ROLE $ZEN_LEAD_TERM >> "+said+"\n"), 0o700)).To(Succeed())
		a := t.sidecar(ctx, "a", func(o *options) { o.pool = "elected" }, flags("--hook="+hook))
		a.hears(ctx, 0, func(a answer) bool { return a.Role == "follower" })
		l, err := lease.Get(ctx)
		Expect(err).NotTo(HaveOccurred())
		l, err = lease.Put(ctx, l, l.Record.Grant(term.Holder{Identity: "a", UID: "uid-a"}, 0))
		Expect(err).NotTo(HaveOccurred())
		is := a.hears(ctx, 0, leads)
		Expect(is.ValidForMs).To(BeNil())
		Expect(is.Guarantee).To(Equal("Advisory"))
		Expect(is.Term).To(BeEquivalentTo(l.Record.Term()))
		Eventually(func() string { b, _ := os.ReadFile(said); return string(b) }).WithContext(ctx).Should(Equal("follower 0\nleader " + is.term() + "\n"))
		t.programs = nil // nothing bounds what it was told
	}, limit)
})
