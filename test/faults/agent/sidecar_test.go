package agent_test

import (
	"context"
	"math"
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
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
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

// beforeHard is how long before the hard end of a term a sidecar gives up waiting for its hook.
const beforeHard = 200 * time.Millisecond

// unasked has a member be a sidecar that nobody asks.
func unasked(o *options) { o.sidecar = true; o.flags = append(o.flags, "--bind-address=0") }

// script writes a hook that does something and then notes its role; said returns what it has noted.
func script(does string) (hook string, said func() []string) {
	GinkgoHelper()
	hook = filepath.Join(GinkgoT().TempDir(), "hook")
	text := "#!/bin/sh\n" + does + "\necho $ZEN_LEAD_ROLE >> $0.said\n"
	Expect(os.WriteFile(hook, []byte(text), 0o700)).To(Succeed())
	return hook, func() []string {
		b, _ := os.ReadFile(hook + ".said") // none yet is nothing
		return strings.Fields(string(b))
	}
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

	It("runs a hook at each change, and gives the lead up at once when that has succeeded and nobody asks", func(ctx context.Context) {
		t := newContest(ctx)
		hook, said := script(`if [ $ZEN_LEAD_ROLE = leader ]; then exec sleep 1000; fi`)
		t.member("a", unasked, flags("--hook="+hook)).log.await(ctx, "This process leads")
		standby := t.sidecar(ctx, "b")
		standby.stands(ctx)
		at := now()
		t.handOver(ctx, "b")
		Expect(standby.hears(ctx, at, leads).Received-at).To(BeNumerically("<", belief/2), "nobody waited for a belief to end")
		Expect(said()).To(Equal([]string{"follower", "follower"}), "the one for leader was killed")
	}, limit)

	It("whose hook fails at the end of a term: the next one leads after the term, and the hook is run again", func(ctx context.Context) {
		t := newContest(ctx)
		hook, said := script(`if [ $ZEN_LEAD_ROLE = leader ]; then : > $0.led; elif [ -e $0.led ]; then test -e $0.mended || exit 1; fi`)
		a := t.member("a", unasked, flags("--hook="+hook))
		a.log.await(ctx, "This process leads")
		standby := t.sidecar(ctx, "b")
		standby.stands(ctx)
		Eventually(said).WithContext(ctx).Should(Equal([]string{"follower", "leader"}))
		at := now()
		t.handOver(ctx, "b")
		next := standby.hears(ctx, at, leads)
		Expect(next.Received - at).To(BeNumerically(">", durations.HardStop()-durations.Interval()-beforeHard))
		a.log.await(ctx, "has not succeeded within the term")
		Expect(os.WriteFile(hook+".mended", nil, 0o600)).To(Succeed())
		Eventually(said).WithContext(ctx).Should(Equal([]string{"follower", "leader", "follower"}))
	}, limit)

	long("stood still: its hook is told that it follows once it goes on", func(ctx context.Context) {
		t := newContest(ctx)
		hook, said := script("")
		a := t.member("a", unasked, flags("--hook="+hook))
		a.log.await(ctx, "This process leads")
		Eventually(said).WithContext(ctx).Should(Equal([]string{"follower", "leader"}))
		standby := t.sidecar(ctx, "b")
		at := now()
		a.signal(syscall.SIGSTOP)
		standby.hears(ctx, at, leads)
		a.signal(syscall.SIGCONT)
		Eventually(said).WithContext(ctx).Should(Equal([]string{"follower", "leader", "follower"}))
	})

	long("whose hook hangs: it ends on SIGTERM all the same", func(ctx context.Context) {
		t := newContest(ctx)
		hook, said := script(`if [ -e $0.led ]; then exec sleep 1000; elif [ $ZEN_LEAD_ROLE = leader ]; then : > $0.led; fi`)
		a := t.member("a", unasked, flags("--hook="+hook))
		Eventually(said).WithContext(ctx).Should(Equal([]string{"follower", "leader"}))
		at := now()
		a.signal(syscall.SIGTERM)
		Expect(a.exits(ctx)).To(BeZero())
		Expect(now() - at).To(BeNumerically("<", durations.Lease))
	})

	It("tells what zen-lead decided, where it does, and bounds nothing", func(ctx context.Context) {
		t := newContest(ctx)
		t.Policy(ctx, "elected", func(p *v1alpha1.LeaderPolicy) { p.Spec.Mode = v1alpha1.ModeController })
		lease := kube.NewPool(t.leases, t.Namespace, "elected")
		Expect(lease.Create(ctx, time.Second)).To(Succeed())
		hook, said := script("")
		a := t.sidecar(ctx, "a", func(o *options) { o.pool = "elected" }, flags("--hook="+hook))
		a.hears(ctx, 0, func(a answer) bool { return a.Role == "follower" })
		l, err := lease.Get(ctx)
		Expect(err).NotTo(HaveOccurred())
		Eventually(said).WithContext(ctx).Should(Equal([]string{"follower"}))
		r := l.Record.Grant(term.Holder{Identity: "a", UID: "uid-a"}, 0)
		r.Duration = math.MaxInt32 * time.Second // nobody renews in this mode
		l, err = lease.Put(ctx, l, r)
		Expect(err).NotTo(HaveOccurred())
		is := a.hears(ctx, 0, leads)
		Expect(is.ValidForMs).To(BeNil())
		Expect(is.Guarantee).To(Equal("Advisory"))
		Expect(is.Term).To(BeEquivalentTo(l.Record.Term()))
		Eventually(said).WithContext(ctx).Should(Equal([]string{"follower", "leader"}))
		Expect(t.Delete(ctx, scene.Read(ctx, t.Scene, "elected", &v1alpha1.LeaderPolicy{}))).To(Succeed())
		l, err = lease.Get(ctx)
		Expect(err).NotTo(HaveOccurred())
		_, err = lease.Put(ctx, l, l.Record.Empty())
		Expect(err).NotTo(HaveOccurred())
		Eventually(said).WithContext(ctx).Should(Equal([]string{"follower", "leader", "follower"}))
		t.programs = nil // nothing bounds what it was told
	}, limit)
})
