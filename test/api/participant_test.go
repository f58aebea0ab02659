package api_test

import (
	"bytes"
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// The members of these specs are processes that run lead.Run, each as one pod of the scene.
var _ = Describe("A pool whose members contend", func() {
	const duration = 4 * time.Second
	var s *scene.Scene
	BeforeEach(func(ctx context.Context) { s = scene.New(ctx, c) })

	participant := func(p *v1alpha1.LeaderPolicy) {
		p.Spec.Mode = v1alpha1.ModeParticipant
		p.Spec.LeaseDurationSeconds, p.Spec.RenewDeadlineSeconds, p.Spec.RetryPeriodSeconds = new(int32(duration/time.Second)), new(int32(3)), new(int32(1))
	}
	controlled := func(p *v1alpha1.LeaderPolicy) {
		p.Spec = v1alpha1.LeaderPolicySpec{Mode: v1alpha1.ModeController}
	}
	edit := func(ctx context.Context, edit func(*v1alpha1.LeaderPolicy)) {
		GinkgoHelper()
		p := scene.Read(ctx, s, "web", &v1alpha1.LeaderPolicy{})
		before := p.DeepCopy()
		edit(p)
		Expect(s.Patch(ctx, p, client.MergeFrom(before))).To(Succeed())
	}
	// pair is a pool of pods a and b, whose processes contend; a leads.
	pair := func(ctx context.Context) (a, b *election.Member, state scene.State) {
		GinkgoHelper()
		s.Policy(ctx, "web", participant)
		podA, podB := s.Pod(ctx, "a", "web"), s.Pod(ctx, "b", "web")
		a = contends(ctx, s, "web", podA)
		state = s.Leads(ctx, "web", "a")
		b = contends(ctx, s, "web", podB)
		return a, b, state
	}
	// waited is how long nobody renewed between two terms, by the clock of this machine.
	waited := func(before, after scene.State) time.Duration {
		return after.Lease.Spec.AcquireTime.Sub(before.Lease.Spec.RenewTime.Time)
	}
	// began is how long after a moment a term did.
	began := func(after scene.State, start time.Time) time.Duration { return after.Lease.Spec.AcquireTime.Sub(start) }
	// lately is the Lease as it was renewed last by a process that is stopped now.
	lately := func(ctx context.Context, before scene.State) scene.State {
		GinkgoHelper()
		before.Lease = s.Lease(ctx, "web")
		return before
	}

	It("is led at once by the first of them, and by another as soon as that gives up", func(ctx context.Context) {
		s.Policy(ctx, "web", participant)
		Eventually(ctx, func(ctx context.Context) (int32, error) {
			l := &coordinationv1.Lease{}
			err := s.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: "web"}, l)
			return seconds(l), client.IgnoreNotFound(err)
		}).Should(Equal(int32(1)), "the first Lease, which may be taken at once")
		policy := scene.Read(ctx, s, "web", &v1alpha1.LeaderPolicy{})
		Expect(policy.Status.ObservedGeneration).To(Equal(policy.Generation), "the status is written before the Lease")

		podA, podB := s.Pod(ctx, "a", "web"), s.Pod(ctx, "b", "web")
		a := contends(ctx, s, "web", podA) // which may have to be built
		start := time.Now()
		first := s.Leads(ctx, "web", "a")
		Expect(time.Since(start)).To(BeNumerically("<", duration), "the first term waited for nobody")
		contends(ctx, s, "web", podB)
		start = time.Now()
		Expect(a.Stop()).To(Succeed())
		second := s.Leads(ctx, "web", "b")
		Expect(second.Term).To(Equal(first.Term + 1))
		Expect(began(second, start)).To(BeNumerically("<", duration))
	}, limit)

	It("is not decided anew by renewals, nor moved because its leader is not ready", func(ctx context.Context) {
		_, _, before := pair(ctx)
		s.SetReady(ctx, "a", false)
		Eventually(ctx, func(ctx context.Context) (string, error) {
			state, err := s.Look(ctx, "web")
			return state.Condition(v1alpha1.ConditionLeaderElected).Reason, err
		}).Should(Equal(v1alpha1.ReasonLeaderKept))
		after := s.Leads(ctx, "web", "a")
		Eventually(ctx, func(ctx context.Context) time.Duration {
			return s.Lease(ctx, "web").Spec.RenewTime.Sub(after.Lease.Spec.RenewTime.Time)
		}).Should(BeNumerically(">", 2*duration), "it goes on to renew")
		last := s.Leads(ctx, "web", "a")
		Expect(last.Term).To(Equal(before.Term))
		Expect(last.Policy.ResourceVersion).To(Equal(after.Policy.ResourceVersion))
		Expect(last.Slices[0].ResourceVersion).To(Equal(after.Slices[0].ResourceVersion))
	}, limit)

	It("waits for a leader that is killed, and not for one that its kubelet reports to have ended", func(ctx context.Context) {
		a, b, first := pair(ctx)
		Expect(a.Kill()).To(Succeed())
		first = lately(ctx, first)
		second := s.Leads(ctx, "web", "b")
		Expect(second.Term).To(Equal(first.Term + 1))
		Expect(waited(first, second)).To(BeNumerically(">=", duration))

		contends(ctx, s, "web", s.Pod(ctx, "c", "web"))
		Expect(b.Kill()).To(Succeed())
		second = lately(ctx, second)
		s.SetStatus(ctx, "b", corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{{
			Name: "app", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Error", ExitCode: 137}},
		}}})
		third := s.Leads(ctx, "web", "c")
		Expect(third.Term).To(Equal(second.Term + 1))
		Expect(waited(second, third)).To(BeNumerically("<", duration))
	}, limit)

	// dies is a pool of pods a and b on the first two of three nodes, whose leader a is killed; then something happens.
	dies := func(ctx context.Context, accepts *v1alpha1.Failover, happens func(ctx context.Context, s *scene.Scene, on []string)) (first scene.State) {
		GinkgoHelper()
		on := nodes(ctx, s, "1", "2", "3")
		s.Policy(ctx, "web", participant, func(p *v1alpha1.LeaderPolicy) { p.Spec.Failover = accepts })
		podA, podB := s.Pod(ctx, "a", "web", scene.OnNode(on[0])), s.Pod(ctx, "b", "web", scene.OnNode(on[1]))
		a := contends(ctx, s, "web", podA)
		first = s.Leads(ctx, "web", "a")
		contends(ctx, s, "web", podB)
		Expect(a.Kill()).To(Succeed())
		first = lately(ctx, first)
		happens(ctx, s, on)
		return first
	}
	tainted := func(node int) func(context.Context, *scene.Scene, []string) {
		return func(ctx context.Context, s *scene.Scene, on []string) {
			changeNode(ctx, s, on[node], taint(corev1.TaintNodeOutOfService))
		}
	}
	deleted := func(ctx context.Context, s *scene.Scene, _ []string) { s.DeletePod(ctx, "a") }

	DescribeTable("frees the Lease of a leader that was killed on proof of its death that the policy accepts",
		func(ctx context.Context, accepts *v1alpha1.Failover, happens func(ctx context.Context, s *scene.Scene, on []string)) {
			first := dies(ctx, accepts, happens)
			second := s.Leads(ctx, "web", "b")
			Expect(second.Term).To(Equal(first.Term + 1))
			Expect(waited(first, second)).To(BeNumerically("<", duration))
		},
		Entry("the kubelet's report", limit, nil, reported("Error")),
		Entry("the taint of its node", limit, acceptsTaint, tainted(0)),
		Entry("also once its pod is deleted", limit, acceptsTaint, func(ctx context.Context, s *scene.Scene, on []string) {
			deleted(ctx, s, on)
			tainted(0)(ctx, s, on)
		}),
	)

	It("frees the Lease of a leader that was killed on nothing else", func(ctx context.Context) {
		type pool struct {
			what  string
			scene *scene.Scene
			first scene.State
		}
		var pools []pool // they wait side by side
		for _, tc := range []struct {
			what    string
			accepts *v1alpha1.Failover
			happens func(ctx context.Context, s *scene.Scene, on []string)
		}{
			{"a phase alone", nil, reported("ContainerStatusUnknown")},
			{"a report that the policy does not believe", &v1alpha1.Failover{ProofOfDeath: new(false)}, reported("Error")},
			{"a taint that the policy does not accept", nil, tainted(0)},
			{"the taint of another node", acceptsTaint, tainted(2)},
			{"the taint of a node which says that it is ready", acceptsTaint, func(ctx context.Context, s *scene.Scene, on []string) {
				sayReady(ctx, s, on[0], corev1.ConditionTrue)
				tainted(0)(ctx, s, on)
			}},
			{"that its pod is deleted by force: gone is not dead", acceptsTaint, deleted},
		} {
			s = scene.New(ctx, c)
			pools = append(pools, pool{tc.what, s, dies(ctx, tc.accepts, tc.happens)})
		}
		for _, p := range pools {
			By(p.what)
			second := p.scene.Leads(ctx, "web", "b")
			Expect(second.Term).To(Equal(p.first.Term + 1))
			Expect(waited(p.first, second)).To(BeNumerically(">=", duration), p.what)
		}
	}, limit)

	It("does not lose its leader to a taint that was forgotten on a node", func(ctx context.Context) {
		on := nodes(ctx, s, "1", "2")
		sayReady(ctx, s, on[0], corev1.ConditionTrue)
		s.Policy(ctx, "web", participant, func(p *v1alpha1.LeaderPolicy) { p.Spec.Failover = acceptsTaint })
		podA, podB := s.Pod(ctx, "a", "web", scene.OnNode(on[0])), s.Pod(ctx, "b", "web", scene.OnNode(on[1]), scene.Annotate(v1alpha1.JoinAnnotation, "false"))
		contends(ctx, s, "web", podA)
		before := s.Leads(ctx, "web", "a")
		contends(ctx, s, "web", podB)
		changeNode(ctx, s, on[0], taint(corev1.TaintNodeOutOfService))
		renews := func(ctx context.Context) {
			GinkgoHelper()
			last := s.Lease(ctx, "web").Spec.RenewTime
			Eventually(ctx, func(ctx context.Context) time.Duration {
				return s.Lease(ctx, "web").Spec.RenewTime.Sub(last.Time)
			}).Should(BeNumerically(">", duration))
			Expect(s.Leads(ctx, "web", "a").Term).To(Equal(before.Term))
		}
		renews(ctx) // the node is ready
		sayReady(ctx, s, on[0], corev1.ConditionUnknown)
		renews(ctx) // it is cut off, and the leader renewed after the taint was there
	}, limit)

	It("is handed over to the pod that is asked for, and keeps its leader where that does not come", func(ctx context.Context) {
		_, _, first := pair(ctx)
		start := time.Now()
		edit(ctx, func(p *v1alpha1.LeaderPolicy) { p.Annotations = map[string]string{v1alpha1.HandoverAnnotation: "b"} })
		second := s.Leads(ctx, "web", "b")
		Expect(second.Term).To(Equal(first.Term + 1))
		Expect(began(second, start)).To(BeNumerically("<", duration))
		outcome := func(ctx context.Context) string {
			p := scene.Read(ctx, s, "web", &v1alpha1.LeaderPolicy{})
			state := scene.State{Policy: p}
			if _, asked := p.Annotations[v1alpha1.HandoverAnnotation]; asked || state.Condition(v1alpha1.ConditionHandover) == nil {
				return "open"
			}
			return state.Condition(v1alpha1.ConditionHandover).Message
		}
		Eventually(ctx, outcome).Should(HavePrefix("b: leads in term"))
		Expect(s.Lease(ctx, "web").Annotations).NotTo(HaveKey(v1alpha1.SuccessorAnnotation))

		s.Pod(ctx, "idle", "web")
		edit(ctx, func(p *v1alpha1.LeaderPolicy) { p.Annotations = map[string]string{v1alpha1.HandoverAnnotation: "idle"} })
		Eventually(ctx, outcome).Should(HavePrefix("idle: not handed over: it was named, and did not take the lead"))
		Expect(s.Lease(ctx, "web").Annotations).NotTo(HaveKey(v1alpha1.SuccessorAnnotation))
	}, limit)

	It("leaves a node that is cordoned", func(ctx context.Context) {
		here, there := s.Node(ctx, "here"), s.Node(ctx, "there")
		s.Policy(ctx, "web", participant)
		podA, podB := s.Pod(ctx, "a", "web", scene.OnNode(here)), s.Pod(ctx, "b", "web", scene.OnNode(there))
		contends(ctx, s, "web", podA)
		first := s.Leads(ctx, "web", "a")
		contends(ctx, s, "web", podB)
		node := &corev1.Node{}
		Expect(s.Get(ctx, client.ObjectKey{Name: here}, node)).To(Succeed())
		before := node.DeepCopy()
		node.Spec.Unschedulable = true
		Expect(s.Patch(ctx, node, client.MergeFrom(before))).To(Succeed())
		Expect(s.Leads(ctx, "web", "b").Term).To(Equal(first.Term + 1))
	}, limit)

	It("goes on above its terms when the mode changes, there and back", func(ctx context.Context) {
		s.Policy(ctx, "web")
		podA, podB := s.Pod(ctx, "a", "web"), s.Pod(ctx, "b", "web")
		first := s.Leads(ctx, "web", "a")
		contends(ctx, s, "web", podB)
		edit(ctx, participant)
		second := s.Leads(ctx, "web", "b")
		Expect(second.Term).To(BeNumerically(">", first.Term))
		Expect(second.Lease.UID).To(Equal(first.Lease.UID))

		contends(ctx, s, "web", podA)
		start := time.Now()
		edit(ctx, controlled)
		third := s.Leads(ctx, "web", "a")
		Expect(third.Term).To(BeNumerically(">", second.Term))
		Expect(began(third, start)).To(BeNumerically("<", duration), "the process gave up by itself")
	}, limit)

	It("is not elected for while a process that is frozen may hold its Lease", func(ctx context.Context) {
		a, _, first := pair(ctx)
		Expect(a.Freeze()).To(Succeed())
		first = lately(ctx, first)
		edit(ctx, controlled)
		Eventually(ctx, func(ctx context.Context) bool {
			return (&scene.State{Policy: scene.Read(ctx, s, "web", &v1alpha1.LeaderPolicy{})}).Condition(v1alpha1.ConditionLeaseContended) != nil
		}).Should(BeTrue())
		after := s.Leads(ctx, "web", "a")
		Expect(waited(first, after)).To(BeNumerically(">=", duration))
		Expect(after.Term).To(Equal(first.Term + 1))
	}, limit)

	It("whose policy is deleted is given up by its leader, or emptied once that has expired", func(ctx context.Context) {
		a, b, first := pair(ctx)
		Expect(a.Freeze()).To(Succeed())
		first = lately(ctx, first)
		s.DeletePolicy(ctx, "web")
		var emptied time.Time
		Eventually(ctx, func(ctx context.Context) string {
			l := s.Lease(ctx, "web")
			emptied = l.Spec.RenewTime.Time
			return deref(l.Spec.HolderIdentity)
		}).Should(BeEmpty())
		Expect(emptied.Sub(first.Lease.Spec.RenewTime.Time)).To(BeNumerically(">=", duration))
		Expect(a.Kill()).To(Succeed())

		s.Policy(ctx, "web", participant)
		second := s.Leads(ctx, "web", "b")
		Expect(second.Term).To(Equal(first.Term + 1))
		s.DeletePolicy(ctx, "web")
		Eventually(ctx, func(ctx context.Context) string { return deref(s.Lease(ctx, "web").Spec.HolderIdentity) }, duration).Should(BeEmpty())
		Expect(b.Stop()).To(Succeed())
	}, limit)

	It("makes a Lease that was deleted anew, and waits for whoever held it", func(ctx context.Context) {
		_, _, first := pair(ctx)
		first = lately(ctx, first)
		Expect(s.As("admin", "system:masters").Delete(ctx, &coordinationv1.Lease{ObjectMeta: s.Meta("web")})).To(Succeed())
		Eventually(ctx, func(ctx context.Context) (int32, error) {
			l := &coordinationv1.Lease{}
			err := s.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: "web"}, l)
			if l.UID == first.Lease.UID {
				return 0, err
			}
			return seconds(l), client.IgnoreNotFound(err)
		}).Should(Equal(int32(duration / time.Second)))
		var second scene.State
		Eventually(ctx, func(ctx context.Context) (string, error) {
			var err error
			second, err = s.Look(ctx, "web")
			return second.Leader, err
		}).Should(BeElementOf("a", "b"))
		Expect(second.Term).To(BeNumerically(">", first.Term))
		Expect(waited(first, second)).To(BeNumerically(">=", duration))
	}, limit)

	It("is told of what nobody obeys in another mode", func(ctx context.Context) {
		var warnings bytes.Buffer
		config := rest.CopyConfig(s.Config)
		config.WarningHandler = rest.NewWarningWriter(&warnings, rest.WarningWriterOptions{})
		policies, err := kube.PolicyClient(config)
		Expect(err).NotTo(HaveOccurred())
		create := func(name string, edit func(*v1alpha1.LeaderPolicy)) string {
			GinkgoHelper()
			warnings.Reset()
			p := &v1alpha1.LeaderPolicy{ObjectMeta: s.Meta(name)}
			p.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("LeaderPolicy"))
			edit(p)
			Expect(policies.Post().Namespace(s.Namespace).Resource("leaderpolicies").Body(p).Do(ctx).Error()).To(Succeed())
			return warnings.String()
		}
		Expect(create("contending", participant)).To(BeEmpty())
		Expect(create("plain", func(*v1alpha1.LeaderPolicy) {})).To(BeEmpty())
		Expect(create("web", func(p *v1alpha1.LeaderPolicy) { p.Spec.RetryPeriodSeconds = new(int32(1)) })).To(ContainSubstring("in mode participant only"))
		s.Pod(ctx, "a", "web")
		state := s.Leads(ctx, "web", "a")
		Expect(state.Condition(v1alpha1.ConditionFieldsUnused).Message).To(HavePrefix("spec.retryPeriodSeconds: "))
		Expect(create("proofs", func(p *v1alpha1.LeaderPolicy) {
			participant(p)
			p.Spec.Failover = &v1alpha1.Failover{ProofOfDeath: new(true), OutOfServiceTaint: new(true)}
		})).To(BeEmpty())
		for _, unused := range []*v1alpha1.Failover{{ProofOfDeath: new(true)}, {OutOfServiceTaint: new(false)}} {
			Expect(create("unused", func(p *v1alpha1.LeaderPolicy) { p.Spec.Failover = unused })).To(
				ContainSubstring("spec.failover.proofOfDeath, outOfServiceTaint: have a meaning in mode participant only"))
			s.DeletePolicy(ctx, "unused")
		}
	}, limit)

	It("has its record guarded against another process in the same term", func(ctx context.Context) {
		pair(ctx)
		Eventually(ctx, func(ctx context.Context) error {
			try := s.Lease(ctx, "web") // it is renewed
			try.Annotations[v1alpha1.HolderProcessAnnotation] += "x"
			return s.Update(ctx, try)
		}).Should(MatchError(ContainSubstring("must grow by one with a new holder")))
	}, limit)

	It("is Advisory while an elector that is not zen-lead's holds its Lease", func(ctx context.Context) {
		a, b, first := pair(ctx)
		Expect(b.Stop()).To(Succeed())
		Expect(a.Stop()).To(Succeed())
		s.Leads(ctx, "web", "")
		die := run(ctx, lockOf(s, "web", "b_1"), duration, time.Second)
		second := s.Leads(ctx, "web", "b")
		Expect(second.Term).To(Equal(first.Term + 1))
		Expect(second.Policy.Status.Guarantee).To(Equal(v1alpha1.GuaranteeAdvisory))
		Expect(second.Condition(v1alpha1.ConditionLeaseContended).Message).To(ContainSubstring("let all members contend with lead.Run"))

		contends(ctx, s, "web", scene.Read(ctx, s, "a", &corev1.Pod{}))
		die()
		third := s.Leads(ctx, "web", "a")
		Expect(third.Term).To(Equal(second.Term + 1))
		Expect(third.Policy.Status.Guarantee).To(Equal(v1alpha1.GuaranteeExclusive))
	}, limit)
})

// acceptsTaint takes the taint of a node for proof of death.
var acceptsTaint = &v1alpha1.Failover{OutOfServiceTaint: new(true)}

// reported writes what the kubelet of pod a does when it has ended, or somebody else does who cannot know.
func reported(reason string) func(context.Context, *scene.Scene, []string) {
	return func(ctx context.Context, s *scene.Scene, _ []string) {
		GinkgoHelper()
		s.SetStatus(ctx, "a", corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{{
			Name: "app", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: reason, ExitCode: 137}},
		}}})
	}
}

// sayReady writes what a node's kubelet says of it, or the node controller where it is not heard.
func sayReady(ctx context.Context, s *scene.Scene, node string, ready corev1.ConditionStatus) {
	GinkgoHelper()
	n := &corev1.Node{}
	Expect(s.Get(ctx, client.ObjectKey{Name: node}, n)).To(Succeed())
	before := n.DeepCopy()
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready, Reason: "Test"}}
	Expect(s.Status().Patch(ctx, n, client.StrategicMergeFrom(before))).To(Succeed())
}
