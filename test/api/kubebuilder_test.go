package api_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/lead"
	"github.com/kube-zen/zen-lead/integrations/kubebuilder"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// Two replicas of an operator, in one process: each has a manager, a controller of ConfigMaps and some work of its own.
var _ = Describe("An operator with integrations/kubebuilder", func() {
	var s *scene.Scene
	BeforeEach(func(ctx context.Context) {
		s = scene.New(ctx, c)
		s.Policy(ctx, "operator", func(p *v1alpha1.LeaderPolicy) { p.Spec.Mode = v1alpha1.ModeParticipant })
		Expect(s.Create(ctx, &rbacv1.Role{ObjectMeta: s.Meta("reads"), Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get", "list", "watch"}},
		}})).To(Succeed())
		Expect(s.Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: s.Meta("reads"), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "reads"},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: "default"}},
		})).To(Succeed())
		s.MayContend(ctx)
	})

	It("reconciles in one replica at a time, in the next all that was asked for before, and waits for what runs", func(ctx context.Context) {
		named := func(name string) { // what a replica begun now calls itself
			GinkgoT().Setenv("POD_NAME", name)
			GinkgoT().Setenv("POD_UID", string(s.Pod(ctx, name, "operator").UID))
		}
		named("first")
		first := newReplica(ctx, s, "first")
		Eventually(ctx, first.worked).Should(Receive()) // it has read its name
		named("second")
		second := newReplica(ctx, s, "second")
		for _, name := range []string{"a", "b"} {
			Expect(s.Create(ctx, &corev1.ConfigMap{ObjectMeta: s.Meta(name)})).To(Succeed())
		}
		running := first.reconciles(ctx, "a", "b")
		Consistently(ctx, second.began).WithTimeout(300 * time.Millisecond).ShouldNot(Receive())

		handOver(ctx, s, "operator", "second")
		for _, r := range running {
			Eventually(ctx, r.ctx.Done()).Should(BeClosed())
			Expect(context.Cause(r.ctx)).To(MatchError(lead.ErrReleased))
		}
		Consistently(ctx, second.worked).WithTimeout(300*time.Millisecond).ShouldNot(Receive(), "the first has not returned")
		for _, r := range running {
			close(r.finish)
		}
		Eventually(ctx, second.worked).Should(Receive())
		for _, r := range second.reconciles(ctx, "a", "b") {
			Expect(r.term.Number).To(BeNumerically(">", running["a"].term.Number))
			close(r.finish)
		}

		handOver(ctx, s, "operator", "first")
		Eventually(ctx, first.worked).Should(Receive(), "it leads again, in the same process")
		Expect(s.Create(ctx, &corev1.ConfigMap{ObjectMeta: s.Meta("c")})).To(Succeed())
		for _, r := range first.reconciles(ctx, "c") {
			close(r.finish)
		}
	}, limit)
})

// handOver asks for a handover as people do.
func handOver(ctx context.Context, s *scene.Scene, pool, to string) {
	GinkgoHelper()
	p := scene.Read(ctx, s, pool, &v1alpha1.LeaderPolicy{})
	before := p.DeepCopy()
	p.Annotations = map[string]string{v1alpha1.HandoverAnnotation: to}
	Expect(s.Patch(ctx, p, client.MergeFrom(before))).To(Succeed())
}

// replica is one of an operator.
type replica struct {
	began  chan reconciliation
	worked chan lead.Term
}

// reconciliation is one that runs until finish is closed.
type reconciliation struct {
	ctx    context.Context //nolint:containedctx // what is looked at
	name   string
	term   lead.Term
	finish chan struct{}
}

func newReplica(ctx context.Context, s *scene.Scene, name string) *replica {
	GinkgoHelper()
	account := account(ctx, s)
	m, err := ctrl.NewManager(account, ctrl.Options{
		Cache:   cache.Options{DefaultNamespaces: map[string]cache.Config{s.Namespace: {}}},
		Metrics: metricsserver.Options{BindAddress: "0"}, Controller: config.Controller{SkipNameValidation: new(true)},
	})
	Expect(err).NotTo(HaveOccurred())
	r := &replica{began: make(chan reconciliation), worked: make(chan lead.Term, 10)}
	e := kubebuilder.NewElection("operator", lead.WithConfig(account), lead.WithNamespace(s.Namespace))
	e.Work(func(ctx context.Context, t lead.Term) error {
		r.worked <- t
		<-ctx.Done()
		return nil
	})
	Expect(m.Add(e)).To(Succeed())
	leading := kubebuilder.Leading(e, reconcile.Func(r.reconcile))
	options := kubebuilder.EveryReplica()
	options.MaxConcurrentReconciles = 3
	Expect(ctrl.NewControllerManagedBy(m).Named(name).For(&corev1.ConfigMap{}).WatchesRawSource(leading).WithOptions(options).Complete(leading)).To(Succeed())
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer GinkgoRecover()
		if err := m.Start(ctx); err != nil && ctx.Err() == nil {
			Fail(fmt.Sprintf("manager %s: %v", name, err))
		}
	}()
	DeferCleanup(cancel)
	return r
}

func (r *replica) reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	term, _ := kubebuilder.TermFrom(ctx)
	is := reconciliation{ctx: ctx, name: request.Name, term: term, finish: make(chan struct{})}
	select {
	case r.began <- is:
	case <-ctx.Done():
		return ctrl.Result{}, ctx.Err()
	}
	<-is.finish
	return ctrl.Result{}, nil
}

// reconciles waits for the reconciliations of objects.
func (r *replica) reconciles(ctx context.Context, names ...string) map[string]reconciliation {
	GinkgoHelper()
	found := map[string]reconciliation{}
	for range names {
		var is reconciliation
		Eventually(ctx, r.began).Should(Receive(&is))
		found[is.name] = is
	}
	Expect(found).To(HaveLen(len(names)))
	return found
}
