package api_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	coordinationv1 "k8s.io/api/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// The programs of these specs are client-go's elector as it is, with the identities that operators have: a pod's name and
// something after "_".
var _ = Describe("A program that elects itself", func() {
	const (
		duration = 2 * time.Second
		retry    = 200 * time.Millisecond
	)
	var s *scene.Scene
	BeforeEach(func(ctx context.Context) { s = scene.New(ctx, c) })

	program := func(ctx context.Context, lease, identity string) (die func()) {
		GinkgoHelper()
		die = run(ctx, lockOf(s, lease, identity), duration, retry)
		DeferCleanup(die)
		return die
	}
	holds := func(ctx context.Context, lease, identity string) {
		GinkgoHelper()
		Eventually(ctx, func(ctx context.Context) (string, error) {
			l := &coordinationv1.Lease{}
			err := s.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: lease}, l)
			return deref(l.Spec.HolderIdentity), client.IgnoreNotFound(err)
		}).Should(Equal(identity))
	}
	observe := func(lease string) func(*v1alpha1.LeaderPolicy) {
		return func(p *v1alpha1.LeaderPolicy) { p.Spec.Mode, p.Spec.LeaseName = v1alpha1.ModeObserve, lease }
	}
	setMode := func(ctx context.Context, pool string, edit func(*v1alpha1.LeaderPolicy)) {
		GinkgoHelper()
		p := scene.Read(ctx, s, pool, &v1alpha1.LeaderPolicy{})
		before := p.DeepCopy()
		edit(p)
		Expect(s.Patch(ctx, p, client.MergeFrom(before))).To(Succeed())
	}
	reason := func(pool string) func(context.Context) string {
		return func(ctx context.Context) string {
			state := scene.State{Policy: scene.Read(ctx, s, pool, &v1alpha1.LeaderPolicy{})}
			if elected := state.Condition(v1alpha1.ConditionLeaderElected); elected != nil && state.Policy.Status.ObservedGeneration == state.Policy.Generation {
				return elected.Reason
			}
			return ""
		}
	}

	It("is followed through elections, a crash without successor and a return", func(ctx context.Context) {
		s.Policy(ctx, "web", observe("operator.example.com"))
		s.Pod(ctx, "a", "web")
		s.Pod(ctx, "b", "web")
		Eventually(ctx, reason("web")).Should(Equal(v1alpha1.ReasonLeaseMissing))

		die := program(ctx, "operator.example.com", "a_1")
		first := s.Leads(ctx, "web", "a")
		stop := program(ctx, "operator.example.com", "b_1")
		die()
		second := s.Leads(ctx, "web", "b")
		Expect(second.Term).To(BeNumerically(">", first.Term))

		stop()
		third := s.Leads(ctx, "web", "")
		Expect(third.Term).To(Equal(second.Term))
		Expect(reason("web")(ctx)).To(Equal(v1alpha1.ReasonLeaseExpired))
		Expect(third.Policy.Status.LastTransitionTime.Sub(third.Lease.Spec.RenewTime.Time)).To(BeNumerically(">=", duration), "it expired too early")

		program(ctx, "operator.example.com", "b_1") // the same identity: client-go counts no transition
		fourth := s.Leads(ctx, "web", "b")
		Expect(fourth.Term).To(BeNumerically(">", third.Term))
		Expect(s.Delete(ctx, &coordinationv1.Lease{ObjectMeta: s.Meta("operator.example.com")})).To(Succeed())
		Eventually(ctx, func(ctx context.Context) (int64, error) { // made anew by whom leads still
			state, err := s.Look(ctx, "web")
			if state.Lease.UID == fourth.Lease.UID || state.Leader != "b" {
				return 0, err
			}
			return state.Term, err
		}).Should(BeNumerically(">=", fourth.Term))
		writtenByPrograms(ctx, s, "operator.example.com")
	}, limit)

	It("that was there before a policy of mode controller is not disturbed, and followed once the policy observes", func(ctx context.Context) {
		program(ctx, "web", "a_1")
		holds(ctx, "web", "a_1")
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		Eventually(ctx, func(ctx context.Context) string {
			state := scene.State{Policy: scene.Read(ctx, s, "web", &v1alpha1.LeaderPolicy{})}
			if contended := state.Condition(v1alpha1.ConditionLeaseContended); contended != nil {
				return contended.Reason + ": " + contended.Message
			}
			return ""
		}).Should(And(HavePrefix(v1alpha1.ReasonForeignRecord), ContainSubstring("set spec.mode to observe")))
		setMode(ctx, "web", observe(""))
		state := s.Leads(ctx, "web", "a")
		Expect(state.Condition(v1alpha1.ConditionLeaseContended)).To(BeNil())
		writtenByPrograms(ctx, s, "web")
	}, limit)

	It("that comes to a pool of mode controller waits, and gets the Lease once the policy observes", func(ctx context.Context) {
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		s.Pod(ctx, "b", "web")
		before := s.Leads(ctx, "web", "a")
		lock := lockOf(s, "web", "b_1")
		DeferCleanup(run(ctx, lock, duration, retry))
		Eventually(ctx, lock.looks.Load).Should(BeNumerically(">", 3))
		Expect(s.Lease(ctx, "web").ResourceVersion).To(Equal(before.Lease.ResourceVersion))

		setMode(ctx, "web", observe(""))
		after := s.Leads(ctx, "web", "b")
		Expect(after.Term).To(BeNumerically(">", before.Term))
		Expect(after.Lease.UID).To(Equal(before.Lease.UID))
	}, limit)

	It("leaves the pool's own Lease empty where it has another, and terms go on when zen-lead elects again", func(ctx context.Context) {
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		s.Pod(ctx, "b", "web")
		before := s.Leads(ctx, "web", "a")
		setMode(ctx, "web", observe("op"))
		die := program(ctx, "op", "b_1")
		observed := s.Leads(ctx, "web", "b")
		Expect(observed.Term).To(BeNumerically(">", before.Term))
		Expect(deref(s.Lease(ctx, "web").Spec.HolderIdentity)).To(BeEmpty())
		die()
		s.Leads(ctx, "web", "")
		program(ctx, "op", "b_1")
		observed = s.Leads(ctx, "web", "b")

		setMode(ctx, "web", func(p *v1alpha1.LeaderPolicy) { p.Spec.Mode, p.Spec.LeaseName = v1alpha1.ModeController, "" })
		var after scene.State
		Eventually(ctx, func(ctx context.Context) (string, error) {
			var err error
			after, err = s.Look(ctx, "web")
			return deref(after.Lease.Spec.HolderIdentity), err
		}).Should(Equal("a"))
		Expect(after.Term).To(BeNumerically(">", observed.Term))
		Expect(after.Lease.UID).To(Equal(before.Lease.UID))
		holds(ctx, "op", "b_1")
		writtenByPrograms(ctx, s, "op")
	}, limit)

	It("whose pod is made again under its name is not taken for the new pod by the old record", func(ctx context.Context) {
		s.Policy(ctx, "web", observe("op"))
		s.Pod(ctx, "web-0", "web")
		die := program(ctx, "op", "web-0_1")
		first := s.Leads(ctx, "web", "web-0")
		die()
		s.DeletePod(ctx, "web-0")
		s.Pod(ctx, "web-0", "web")
		Eventually(ctx, reason("web")).Should(Equal(v1alpha1.ReasonHolderUnproven))
		Eventually(ctx, reason("web")).Should(Equal(v1alpha1.ReasonLeaseExpired))
		program(ctx, "op", "web-0_2")
		second := s.Leads(ctx, "web", "web-0")
		Expect(second.UID).NotTo(Equal(first.UID))
		Expect(second.Term).To(BeNumerically(">", first.Term))
	}, limit)
})

// writtenByPrograms fails if zen-lead ever wrote a Lease: it puts labels on those that it makes, and shows in managedFields.
func writtenByPrograms(ctx context.Context, s *scene.Scene, lease string) {
	GinkgoHelper()
	l := s.Lease(ctx, lease)
	Expect(l.Labels).To(BeEmpty())
	Expect(l.Annotations).To(BeEmpty())
	for _, m := range l.ManagedFields {
		Expect(m.Manager).NotTo(HavePrefix("zen-lead"))
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
