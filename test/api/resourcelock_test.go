package api_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	coordinationv1 "k8s.io/api/coordination/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// A manager of controller-runtime as operators have it, but for the lock.
var _ = Describe("kube.ResourceLock", func() {
	var s *scene.Scene
	BeforeEach(func(ctx context.Context) {
		s = scene.New(ctx, c)
		s.Policy(ctx, "web", func(p *v1alpha1.LeaderPolicy) { p.Spec.Mode = v1alpha1.ModeParticipant })
		s.MayContend(ctx)
	})
	// start starts a manager; led is closed when it leads.
	start := func(ctx context.Context) (lock *kube.ResourceLock, led <-chan struct{}, stop func()) {
		GinkgoHelper()
		config := account(ctx, s)
		lock, err := kube.NewResourceLock(config, s.Namespace, "web")
		Expect(err).NotTo(HaveOccurred())
		m, err := ctrl.NewManager(config, ctrl.Options{
			LeaderElection: true, LeaderElectionResourceLockInterface: lock, LeaderElectionReleaseOnCancel: true,
			LeaseDuration: new(3 * time.Second), RenewDeadline: new(2 * time.Second), RetryPeriod: new(200 * time.Millisecond),
			Metrics: metricsserver.Options{BindAddress: "0"},
		})
		Expect(err).NotTo(HaveOccurred())
		begun := make(chan struct{})
		Expect(m.Add(manager.RunnableFunc(func(ctx context.Context) error {
			close(begun)
			<-ctx.Done()
			return nil
		}))).To(Succeed())
		ctx, cancel := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- m.Start(ctx) }()
		stop = func() { cancel(); Eventually(context.Background(), ended).Should(Receive()) }
		return lock, begun, stop
	}

	It("fits a manager, and terms grow from one to the next", func(ctx context.Context) {
		first, led, stop := start(ctx)
		Eventually(ctx, led).Should(BeClosed())
		l := s.Lease(ctx, "web")
		r, owned, err := kube.RecordOf(l)
		Expect(err).NotTo(HaveOccurred())
		Expect(owned).To(BeTrue())
		Expect(int64(r.Term())).To(Equal(first.Term()))
		Expect(r.Holder.Identity).To(Equal(first.Identity()))

		second, ledToo, stopToo := start(ctx)
		stop()
		Eventually(ctx, ledToo).Should(BeClosed())
		Expect(second.Term()).To(BeNumerically(">", first.Term()))
		stopToo()
		Expect(deref(s.Lease(ctx, "web").Spec.HolderIdentity)).To(BeEmpty())
	}, limit)

	It("leaves a Lease alone that was made anew, for as long as a holder of the one before may believe in it", func(ctx context.Context) {
		first, led, stop := start(ctx)
		Eventually(ctx, led).Should(BeClosed())
		stop()
		held := s.Lease(ctx, "web")
		Expect(s.Delete(ctx, &coordinationv1.Lease{ObjectMeta: s.Meta("web")})).To(Succeed())
		Expect(held.Spec.LeaseTransitions).NotTo(BeNil())
		begun := time.Now()
		second, ledToo, stopToo := start(ctx)
		Eventually(ctx, ledToo).Should(BeClosed())
		Expect(time.Since(begun)).To(BeNumerically(">=", 3*time.Second), "the one before may still have worked")
		Expect(second.Term()).To(BeNumerically(">", first.Term()))
		stopToo()
	}, limit)
})
