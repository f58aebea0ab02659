package api_test

import (
	"context"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

var _ = Describe("A Lease that somebody else uses", func() {
	var s *scene.Scene
	BeforeEach(func(ctx context.Context) { s = scene.New(ctx, c) })

	contended := func(pool string) func(context.Context) string {
		return func(ctx context.Context) string {
			p := scene.Read(ctx, s, pool, &v1alpha1.LeaderPolicy{})
			state := scene.State{Policy: p}
			if condition := state.Condition(v1alpha1.ConditionLeaseContended); condition != nil && p.Status.CurrentHolder == nil {
				return condition.Reason + ": " + condition.Message
			}
			return ""
		}
	}

	DescribeTable("is never taken over", func(ctx context.Context, spec coordinationv1.LeaseSpec) {
		foreign := &coordinationv1.Lease{ObjectMeta: s.Meta("web"), Spec: spec}
		Expect(s.Create(ctx, foreign)).To(Succeed())
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		Eventually(ctx, contended("web")).Should(And(HavePrefix("ForeignRecord: "), ContainSubstring("delete it")))
		// A pool that shares nothing with it goes on.
		s.Policy(ctx, "other")
		s.Pod(ctx, "b", "other")
		s.Leads(ctx, "other", "b")
		Expect(scene.Read(ctx, s, "web", &coordinationv1.Lease{}).ResourceVersion).To(Equal(foreign.ResourceVersion), "the Lease was written")

		Expect(s.Delete(ctx, foreign)).To(Succeed())
		s.Leads(ctx, "web", "a")
	},
		Entry("while it is held", limit, coordinationv1.LeaseSpec{
			HolderIdentity: new("someone"), LeaseDurationSeconds: new(int32(1)), AcquireTime: now(), RenewTime: now(),
		}),
		Entry("after its holder released it", limit, coordinationv1.LeaseSpec{
			HolderIdentity: new(""), LeaseDurationSeconds: new(int32(1)), AcquireTime: now(), RenewTime: now(), LeaseTransitions: new(int32(1)),
		}),
		Entry("when it was never held", limit, coordinationv1.LeaseSpec{}),
	)

	// taken lets a client-go elector take the empty Lease of a pool in which pod b becomes ready then.
	taken := func(ctx context.Context, duration, retry time.Duration) (before scene.State, die func()) {
		GinkgoHelper()
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		before = s.Leads(ctx, "web", "a")
		s.DeletePod(ctx, "a")
		s.Leads(ctx, "web", "")
		die = run(ctx, lockOf(s, "web", "stranger"), duration, retry)
		Eventually(ctx, func(ctx context.Context) *string { return s.Lease(ctx, "web").Spec.HolderIdentity }).Should(HaveValue(Equal("stranger")))
		s.Pod(ctx, "b", "web")
		Eventually(ctx, contended("web")).Should(And(HavePrefix("ForeignHolder: "), ContainSubstring(`"stranger"`)))
		return before, die
	}

	It("is taken back from a client-go elector that took it and died, after its duration and 5 % more", func(ctx context.Context) {
		const duration = 2 * time.Second
		before, die := taken(ctx, duration, duration*3/4)
		die()
		dead := s.Lease(ctx, "web")
		Expect(dead.Spec.HolderIdentity).To(HaveValue(Equal("stranger")), "it died without releasing")
		after := s.Leads(ctx, "web", "b")
		waited := after.Lease.Spec.AcquireTime.Sub(dead.Spec.RenewTime.Time)
		Expect(waited).To(BeNumerically(">=", duration*105/100))
		Expect(waited).To(BeNumerically("<", duration*2))
		Expect(after.Term).To(BeNumerically(">", before.Term+1), "the stranger's term counts")
		Expect(after.Condition(v1alpha1.ConditionLeaseContended)).To(BeNil())
	}, limit)

	It("is left to a client-go elector as long as that renews", func(ctx context.Context) {
		const duration = time.Second
		_, die := taken(ctx, duration, duration/8)
		first := s.Lease(ctx, "web").Spec.RenewTime.Time
		Eventually(ctx, func(ctx context.Context) time.Time {
			l := s.Lease(ctx, "web")
			Expect(l.Spec.HolderIdentity).To(HaveValue(Equal("stranger")))
			return l.Spec.RenewTime.Time
		}).Should(BeTemporally(">", first.Add(3*duration)))
		die()
		s.Leads(ctx, "web", "b")
	}, limit)

	It("keeps an elector of the same name waiting while a member leads", func(ctx context.Context) {
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		before := s.Leads(ctx, "web", "a")
		lock := lockOf(s, "web", "stranger")
		defer run(ctx, lock, time.Second, time.Second/8)()
		// It tries every 125 ms; its duration has passed more than once.
		Eventually(ctx, lock.looks.Load).Should(BeNumerically(">", 20))
		Expect(s.Leads(ctx, "web", "a").Lease.ResourceVersion).To(Equal(before.Lease.ResourceVersion))
	}, limit)
})

// run lets an unmodified client-go elector run. The returned function ends it as a crash does: it does not release.
func run(ctx context.Context, lock resourcelock.Interface, duration, retry time.Duration) (die func()) {
	GinkgoHelper()
	e, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, LeaseDuration: duration, RenewDeadline: duration * 95 / 100, RetryPeriod: retry,
		Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) {}, OnStoppedLeading: func() {}},
	})
	Expect(err).NotTo(HaveOccurred())
	runs, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.Run(runs)
	}()
	return func() { cancel(); <-ended }
}

// watchedLock counts how often its elector looked at the Lease.
type watchedLock struct {
	resourcelock.LeaseLock
	looks atomic.Int32
}

func lockOf(s *scene.Scene, lease, identity string) *watchedLock {
	GinkgoHelper()
	client, err := kubernetes.NewForConfig(s.Config)
	Expect(err).NotTo(HaveOccurred())
	return &watchedLock{LeaseLock: resourcelock.LeaseLock{
		LeaseMeta: s.Meta(lease), Client: client.CoordinationV1(), LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
	}}
}

func (l *watchedLock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	l.looks.Add(1)
	return l.LeaseLock.Get(ctx)
}
