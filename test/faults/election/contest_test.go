package election_test

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/proxy"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// pool is the name of each contest's pool.
const pool = "web"

// durations are the shortest that a policy can have.
var durations = term.Durations{Lease: 3 * time.Second, RenewDeadline: 2 * time.Second, Retry: time.Second}

// soon is how long what follows at once may take on a machine that has other things to do.
const soon = 500 * time.Millisecond

// contest is a pool of mode participant, and its members.
type contest struct {
	*scene.Scene
	*election.Log
	// lease is the pool's, for an administrator.
	lease      *kube.Pool
	kubeconfig string
	// records are the versions of the Lease.
	records *records
	members []*election.Member
	mu      sync.Mutex
}

// newContest makes a pool and its first Lease, as the controller would. When the spec ends, the members are killed and the
// contracts are checked.
func newContest(ctx context.Context) *contest {
	GinkgoHelper()
	t := &contest{Scene: scene.New(ctx, c), Log: election.NewLog(), kubeconfig: filepath.Join(GinkgoT().TempDir(), "kubeconfig")}
	t.Policy(ctx, pool, func(p *v1alpha1.LeaderPolicy) {
		p.Spec.Mode = v1alpha1.ModeParticipant
		p.Spec.LeaseDurationSeconds, p.Spec.RenewDeadlineSeconds, p.Spec.RetryPeriodSeconds = seconds(durations.Lease), seconds(durations.RenewDeadline), seconds(durations.Retry)
	})
	t.MayContend(ctx)
	Expect(c.KubeconfigFor(ctx, t.Namespace, "default", t.kubeconfig)).To(Succeed())
	leases, err := coordinationclient.NewForConfig(c.RESTConfig())
	Expect(err).NotTo(HaveOccurred())
	t.lease = kube.NewPool(leases, t.Namespace, pool)
	Expect(t.lease.Create(ctx, time.Second)).To(Succeed())
	t.records = follow(t.lease)
	DeferCleanup(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, m := range t.members {
			Expect(m.Kill()).To(Succeed())
		}
		for _, w := range t.Works() {
			GinkgoWriter.Println(w, w.Told, w.Cause)
		}
		Expect(t.Check()).To(Succeed())
		Expect(t.records.check()).To(Succeed())
	})
	return t
}

func seconds(d time.Duration) *int32 { return new(int32(d / time.Second)) }

// member starts a member.
func (t *contest) member(ctx context.Context, name string, set ...func(*election.Options)) *election.Member {
	GinkgoHelper()
	m, err := t.start(ctx, name, set...)
	Expect(err).NotTo(HaveOccurred())
	return m
}

func (t *contest) start(ctx context.Context, name string, set ...func(*election.Options)) (*election.Member, error) {
	o := election.Options{
		Elector: election.Lead, Kubeconfig: t.kubeconfig, Namespace: t.Namespace, Pool: pool,
		Identity: name, UID: "uid-" + name, Stderr: GinkgoWriter,
	}
	for _, f := range set {
		f(&o)
	}
	m, err := election.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	t.Follow(m)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.members = append(t.members, m)
	return m, nil
}

// through has a member's requests pass a proxy.
func through(p *proxy.Proxy) func(*election.Options) {
	return func(o *election.Options) { o.Kubeconfig = p.Kubeconfig }
}

// proxy starts a proxy for members.
func (t *contest) proxy() *proxy.Proxy {
	GinkgoHelper()
	p, err := proxy.Start(t.kubeconfig)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(p.Close)
	return p
}

// awaits returns the first event of a name later than after, of a member or of any.
func (t *contest) awaits(ctx context.Context, m *election.Member, name string, after time.Duration) election.Entry {
	GinkgoHelper()
	ctx, cancel := context.WithTimeout(ctx, scene.Patience)
	defer cancel()
	e, err := t.Await(ctx, m, name, after)
	Expect(err).NotTo(HaveOccurred())
	return e
}

// leads waits until a member has begun its first term, and another one if it has one by then.
func (t *contest) leads(ctx context.Context, m *election.Member) election.Entry {
	GinkgoHelper()
	return t.awaits(ctx, m, "began", 0)
}

// pair starts a leader behind a proxy, and a standby.
func (t *contest) pair(ctx context.Context) (leader, standby *election.Member, of *proxy.Proxy, began election.Entry) {
	GinkgoHelper()
	of = t.proxy()
	leader = t.member(ctx, "a", through(of))
	began = t.leads(ctx, leader)
	standby = t.member(ctx, "b")
	t.stands(ctx, standby)
	return leader, standby, of, began
}

// stands waits until a member waits for the lead: its watches are there.
func (t *contest) stands(ctx context.Context, m *election.Member) {
	GinkgoHelper()
	t.awaits(ctx, m, "waits", 0)
}

// holder is who holds the Lease, "" if nobody.
func (t *contest) holder(ctx context.Context) string {
	GinkgoHelper()
	l, err := t.lease.Get(ctx)
	Expect(err).NotTo(HaveOccurred())
	return l.Record.Holder.Identity
}

// stop ends all members that still run, in good order.
func (t *contest) stop() {
	GinkgoHelper()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.members {
		_ = m.Stop() // one that is gone cannot be told
	}
}
