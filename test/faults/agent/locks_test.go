package agent_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/caller"
	"github.com/kube-zen/zen-lead/test/scribe"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// ttl is that of the lock report.
const ttl = 3 * time.Second

// lockContest is a contest for the lock report.
type lockContest struct {
	*contest
	controller *zenlead.Controller
	token      string
}

func newLockContest(ctx context.Context) *lockContest {
	GinkgoHelper()
	t := &lockContest{contest: newContest(ctx), token: filepath.Join(GinkgoT().TempDir(), "token")}
	t.controller = t.replica(ctx)
	caller.Account(ctx, t.Scene, "worker", "acquire")
	Expect(os.WriteFile(t.token, []byte(caller.Token(ctx, t.Scene, "worker", caller.Audience)), 0o600)).To(Succeed())
	Expect(t.Create(ctx, &v1alpha1.ManualLock{ObjectMeta: t.Meta("report"), Spec: v1alpha1.ManualLockSpec{TTLSeconds: &v1alpha1.TTLBounds{Max: seconds(ttl)}}})).To(Succeed())
	return t
}

// replica starts a controller for a spec.
func (t *lockContest) replica(ctx context.Context) *zenlead.Controller {
	GinkgoHelper()
	r, err := zenlead.Start(ctx, c, zenlead.Options{API: true})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(r.Kill()).To(Succeed()) })
	return r
}

// locks has a member take a lock by way of a replica. What it runs takes the token for its term.
func (t *lockContest) locks(name string, r *zenlead.Controller) func(*options) {
	return func(o *options) {
		o.words = []string{"lock", name, "--server", r.API.GRPC, "--ca-file", r.API.CA, "--token-file", t.token}
		if o.command == nil {
			o.command = []string{"/bin/sh", "-c", `ZEN_LEAD_TERM=$ZEN_LEAD_TOKEN ZEN_LEAD_ROLE=leader exec "$@"`, "sh", scribePath, "-to", t.URL}
		}
	}
}

func (t *lockContest) holder(name string, set ...func(*options)) *member {
	GinkgoHelper()
	as := func(o *options) { o.command = append(append(o.command, "-who", name), o.scribe...) }
	return t.member(name, append(append([]func(*options){t.locks("report", t.controller)}, set...), as)...)
}

// queue starts a holder that writes, and one who waits.
func (t *lockContest) queue(ctx context.Context, set ...func(*options)) (holder, waiter *member) {
	GinkgoHelper()
	holder = t.holder("a", set...)
	t.writes(ctx, holder, 0)
	waiter = t.holder("b")
	waiter.log.await(ctx, "Waiting for the lock")
	return holder, waiter
}

// fails runs zen-lead lock until it ends, and returns its code; what it says is in its log.
func (t *lockContest) fails(ctx context.Context, name string, set ...func(*options)) (int, *member) {
	GinkgoHelper()
	exits := func(o *options) { o.command = []string{"/bin/sh", "-c", "exit 7"} }
	m := t.member("x", append([]func(*options){exits, t.locks(name, t.controller)}, set...)...)
	return m.exits(ctx), m
}

func (t *lockContest) status(ctx context.Context) v1alpha1.ManualLockStatus {
	GinkgoHelper()
	return scene.Read(ctx, t.Scene, "report", &v1alpha1.ManualLock{}).Status
}

var _ = Describe("zen-lead lock", func() {
	It("exits with the command's code, and the next one begins at once, though it left children", func(ctx context.Context) {
		t := newLockContest(ctx)
		holder, waiter := t.queue(ctx, runs("-brood", "-writes", "200", "-code", "9"))
		Expect(holder.exits(ctx)).To(Equal(9))
		last := t.wrote(holder)
		next := t.writes(ctx, waiter, last.At)
		Expect(next.At - last.At).To(BeNumerically("<", atOnce))
		waiter.signal(syscall.SIGTERM)
		Expect(waiter.exits(ctx)).To(BeZero())
		Expect(t.status(ctx).Holders).To(BeEmpty())
	}, limit)

	It("killed with SIGKILL: nothing that it ran outlives it, and the next one begins after the ttl", func(ctx context.Context) {
		t := newLockContest(ctx)
		holder, waiter := t.queue(ctx, runs("-stays", "-brood"))
		t.writers(ctx, holder, brood)
		at := now()
		holder.signal(syscall.SIGKILL)
		t.awaitNothingOf(holder)
		Expect(t.wrote(holder).At - at).To(BeNumerically("<", atOnce))
		Expect(t.writes(ctx, waiter, at).At - at).To(BeNumerically(">", ttl-ttl/3))
	}, limit)

	It("standing still: what it ran ends before the next one begins, and it says so once it goes on", func(ctx context.Context) {
		t := newLockContest(ctx)
		holder, waiter := t.queue(ctx, runs("-stays", "-brood"))
		t.writers(ctx, holder, brood)
		at := now()
		holder.signal(syscall.SIGSTOP)
		next := t.writes(ctx, waiter, at)
		Expect(t.wrote(holder).At).To(BeNumerically("<", next.At))
		Expect(t.wrote(holder).At - at).To(BeNumerically("<", ttl-ttl/20))
		Expect(holder.guards()).To(BeEmpty(), "the guard has ended, with all that it guarded")
		holder.signal(syscall.SIGCONT)
		Expect(holder.exits(ctx)).To(Equal(5))
	}, limit)

	It("told by SIGTERM: so is its command, and the lock stays until it has ended", func(ctx context.Context) {
		t := newLockContest(ctx)
		holder, waiter := t.queue(ctx, runs("-code", "7", "-lingers", "300ms", "-brood"))
		t.writers(ctx, holder, brood)
		at := now()
		holder.signal(syscall.SIGTERM)
		Expect(holder.exits(ctx)).To(Equal(7))
		next := t.writes(ctx, waiter, at)
		Expect(t.wrote(holder).At-at).To(BeNumerically(">", 250*time.Millisecond), "it had its time")
		Expect(next.At - t.wrote(holder).At).To(BeNumerically("<", atOnce))
	}, limit)

	It("told by SIGTERM while it waits: it ends, and leaves no place in the queue", func(ctx context.Context) {
		t := newLockContest(ctx)
		holder, waiter := t.queue(ctx)
		waiter.signal(syscall.SIGTERM)
		Expect(waiter.exits(ctx)).To(Equal(128 + int(syscall.SIGTERM)))
		holder.signal(syscall.SIGTERM)
		Expect(holder.exits(ctx)).To(BeZero())
		Expect(t.status(ctx).Holders).To(BeEmpty())
		code, _ := t.fails(ctx, "report", flags("--wait", "0s"))
		Expect(code).To(Equal(7), "it is free")
	}, limit)

	It("cut off: what ignores SIGTERM, or has left the group, ends before the ttl has passed, and then another may begin", func(ctx context.Context) {
		t := newLockContest(ctx)
		holder := t.holder("a", runs("-stays", "-closes", "-brood"))
		t.writers(ctx, holder, brood)
		other := t.replica(ctx)
		waiter := t.holder("b", t.locks("report", other))
		waiter.log.await(ctx, "Waiting for the lock")
		at := now()
		Expect(t.controller.Freeze()).To(Succeed())
		told, err := t.Await(ctx, at, func(w scribe.Write) bool { return w.Who == holder.name && w.What == "told" })
		Expect(err).NotTo(HaveOccurred())
		Expect(told.At - at).To(BeNumerically("<", ttl*2/3+atOnce/4))
		Expect(holder.exits(ctx)).To(Equal(5))
		Expect(t.wrote(holder).At - at).To(BeNumerically("<", ttl-ttl/20))
		Expect(t.wrote(holder).At).To(BeNumerically(">", told.At), "it wrote on: it ignores SIGTERM")
		Expect(t.writes(ctx, waiter, at).At - at).To(BeNumerically(">", ttl))
	}, limit)

	It("taken by force: the command is told, its exit code says so, and the lock is free once it has ended", func(ctx context.Context) {
		t := newLockContest(ctx)
		holder := t.holder("a")
		w := t.writes(ctx, holder, 0)
		l := scene.Read(ctx, t.Scene, "report", &v1alpha1.ManualLock{})
		l.Annotations = map[string]string{v1alpha1.ForceReleaseAnnotation: v1alpha1.ForceRelease{Token: w.Term, By: "ann", Reason: "a test"}.String()}
		Expect(t.As("ann", "system:masters").Update(ctx, l)).To(Succeed())
		Expect(holder.exits(ctx)).To(Equal(5))
		Eventually(ctx, func() string { return t.status(ctx).LastTransition.Message }).Should(And(ContainSubstring("ann took it from"), ContainSubstring("released it")))
	}, limit)

	It("exits with a code of its own where it cannot begin", func(ctx context.Context) {
		t := newLockContest(ctx)
		code, m := t.fails(ctx, "none")
		Expect(code).To(Equal(3))
		m.log.await(ctx, "metadata: {name: none, namespace: "+t.Namespace+"}")
		code, _ = t.fails(ctx, "none", func(o *options) { o.kubeconfig = c.Kubeconfig })
		Expect(code).To(Equal(7), "it was made")
		Expect(scene.Read(ctx, t.Scene, "none", &v1alpha1.ManualLock{}).Spec).To(BeZero())

		t.writes(ctx, t.holder("a"), 0)
		for _, wait := range []string{"0s", "500ms"} {
			code, m := t.fails(ctx, "report", flags("--wait", wait))
			Expect(code).To(Equal(4), wait)
			m.log.await(ctx, "zen-lead: ")
		}
		stranger := filepath.Join(GinkgoT().TempDir(), "token")
		Expect(os.WriteFile(stranger, []byte("nobody"), 0o600)).To(Succeed())
		code, _ = t.fails(ctx, "report", flags("--token-file", stranger))
		Expect(code).To(Equal(125))
		code, m = t.fails(ctx, "report", flags("--ca-file", filepath.Join(c.Dir, "pki", "server.crt"), "--wait", "300ms"))
		Expect(code).To(Equal(125))
		m.log.await(ctx, "Asking for the lock again")
		code, _ = t.fails(ctx, "report", func(o *options) { o.command = []string{"/nowhere/to/be/found"} })
		Expect(code).To(Equal(127))
	}, limit)
})
