package pools_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/history"
	"github.com/kube-zen/zen-lead/test/history/record"
	"github.com/kube-zen/zen-lead/test/proxy"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// change edits policy web, whatever else is written on it meanwhile.
func change(ctx context.Context, s *scene.Scene, f func(*v1alpha1.LeaderPolicy)) {
	GinkgoHelper()
	Eventually(ctx, func(ctx context.Context) error {
		p := scene.Read(ctx, s, "web", &v1alpha1.LeaderPolicy{})
		f(p)
		return s.Update(ctx, p)
	}).Should(Succeed())
}

func askHandover(ctx context.Context, s *scene.Scene, pod string) {
	GinkgoHelper()
	change(ctx, s, func(p *v1alpha1.LeaderPolicy) {
		metav1.SetMetaDataAnnotation(&p.ObjectMeta, v1alpha1.HandoverAnnotation, pod)
	})
}

// theRequest is the write that takes a request for a handover off.
var theRequest = proxy.Match{Method: http.MethodPatch, Resource: "leaderpolicies", Name: "web"}

var _ = Describe("Handovers, one after the other,", func() {
	It("never let two members bear the role of a leader", func(ctx context.Context) {
		s := scene.New(ctx, c)
		seen, err := record.Start(ctx, s.Config, record.Options{Namespaces: []string{s.Namespace}})
		Expect(err).NotTo(HaveOccurred())
		start(ctx, zenlead.Options{})
		pool(ctx, s)
		handovers := faults.Longer(12, 200)
		for n := range handovers {
			to := []string{"b", "c", "a"}[n%3]
			askHandover(ctx, s, to)
			s.Leads(ctx, "web", to)
		}
		stop, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		events, err := seen.Stop(stop)
		Expect(err).NotTo(HaveOccurred())
		report := history.Check(events)
		fmt.Fprintf(os.Stdout, "\n%d handovers\n%s", handovers, report)
		Expect(report.Violations).To(BeEmpty())
		Expect(report.Moves).To(Equal(handovers))
		Expect(report.LongestOverlap.From).To(BeZero(), "two bore it from revision %d to %d", report.LongestOverlap.From, report.LongestOverlap.To)
	}, limit)
})

var _ = Describe("A handover whose target dies before", func() {
	DescribeTable("ends with another leader, and without two", func(ctx context.Context, write proxy.Match) {
		s := scene.New(ctx, c)
		recorded(s)
		_, p := throughProxy(ctx)
		before := pool(ctx, s)
		held := p.HoldOne(in(s, write))
		askHandover(ctx, s, "b")
		Expect(held.Await(ctx, 1)).To(Succeed())
		s.DeletePod(ctx, "b")
		held.Release()
		after := s.Leads(ctx, "web", "a")
		if write == oldRoleWrite {
			Expect(after.Term).To(BeNumerically(">=", before.Term))
		} else {
			Expect(after.Term).To(Equal(before.Term+2), "b led for a moment")
		}
		Eventually(ctx, func(ctx context.Context) map[string]string {
			return scene.Read(ctx, s, "web", &v1alpha1.LeaderPolicy{}).Annotations
		}).ShouldNot(HaveKey(v1alpha1.HandoverAnnotation), "it was never answered")
	},
		Entry("the old role is off", limit, oldRoleWrite),
		Entry("the Lease names it", limit, leaseWrite),
		faults.OnlyFull(
			Entry("the slice names it", limit, sliceWrite),
			Entry("it has its role", limit, newRoleWrite),
		),
	)
})

var _ = Describe("A controller that is killed in a handover before", func() {
	DescribeTable("is no loss: the next one finishes it", func(ctx context.Context, write proxy.Match) {
		s := scene.New(ctx, c)
		recorded(s)
		controller, p := throughProxy(ctx)
		before := pool(ctx, s)
		held := p.Hold(in(s, write))
		askHandover(ctx, s, "b")
		Expect(held.Await(ctx, 1)).To(Succeed())
		Expect(controller.Kill()).To(Succeed())
		held.Drop()
		start(ctx, zenlead.Options{})
		Expect(s.Leads(ctx, "web", "b").Term).To(Equal(before.Term + 1))
		Eventually(ctx, func(ctx context.Context) string {
			state, err := s.Look(ctx, "web")
			if c := state.Condition(v1alpha1.ConditionHandover); err == nil && c != nil && state.Policy.Annotations[v1alpha1.HandoverAnnotation] == "" {
				return c.Reason
			}
			return ""
		}).Should(Equal(v1alpha1.ReasonDone))
	},
		Entry("the Lease", limit, leaseWrite),
		Entry("the request is taken off", limit, theRequest),
		faults.OnlyFull(
			Entry("the old role is off", limit, oldRoleWrite),
			Entry("the slice", limit, sliceWrite),
			Entry("the new role", limit, newRoleWrite),
			Entry("the status", limit, statusWrite),
		),
	)
})

var _ = Describe("A policy that is edited during a handover", func() {
	It("is obeyed from the next decision on: a pause finds the pool in one piece", func(ctx context.Context) {
		s := scene.New(ctx, c)
		recorded(s)
		_, p := throughProxy(ctx)
		pool(ctx, s)
		held := p.HoldOne(in(s, sliceWrite))
		askHandover(ctx, s, "b")
		Expect(held.Await(ctx, 1)).To(Succeed())
		change(ctx, s, func(p *v1alpha1.LeaderPolicy) { p.Spec.Paused = true })
		held.Release()
		s.Leads(ctx, "web", "b")
		s.SetReady(ctx, "b", false)
		Eventually(ctx, func(ctx context.Context) string {
			state, _ := s.Look(ctx, "web")
			return state.Condition(v1alpha1.ConditionLeaderElected).Reason
		}).Should(Equal(v1alpha1.ReasonPaused))
		s.Leads(ctx, "web", "b")
		change(ctx, s, func(p *v1alpha1.LeaderPolicy) { p.Spec.Paused = false })
		s.Leads(ctx, "web", "a")
	}, limit)
})

var _ = Describe("A preferred member that comes and goes", func() {
	It("moves the lead no more often than the bounds allow", func(ctx context.Context) {
		s := scene.New(ctx, c)
		recorded(s)
		start(ctx, zenlead.Options{})
		s.Policy(ctx, "web", func(p *v1alpha1.LeaderPolicy) {
			p.Spec.Preference = &v1alpha1.Preference{
				Weights:  []v1alpha1.PreferenceWeight{{Weight: new(int32(1)), PodLabels: map[string]string{"tier": "large"}}},
				FailBack: &v1alpha1.FailBack{AfterSeconds: 1},
			}
		})
		s.Pod(ctx, "a", "web")
		before := s.Leads(ctx, "web", "a")
		s.Pod(ctx, "b", "web")
		s.SetLabel(ctx, "b", "tier", "large")
		moves := func() int64 { return scene.Read(ctx, s, "web", &v1alpha1.LeaderPolicy{}).Status.Term - before.Term }
		flaps := 0
		for began := time.Now(); time.Since(began) < faults.Longer(8*time.Second, 45*time.Second); flaps++ {
			s.SetReady(ctx, "b", false)
			s.SetReady(ctx, "b", true)
			if flaps%20 == 19 && moves() <= 4 { // it is well for long enough to lead, as long as it may
				Eventually(ctx, func(ctx context.Context) string { return leaderOf(ctx, s) }).Should(Equal("b"))
			}
		}
		fmt.Fprintf(os.Stdout, "\nthe preferred member flapped %d times; %d moves\n", flaps, moves())
		Expect(moves()).To(And(BeNumerically(">", 0), BeNumerically("<=", 6)), "moves within a minute")
		Expect(flaps).To(BeNumerically(">", 20))
	}, limit)
})

func leaderOf(ctx context.Context, s *scene.Scene) string {
	if h := scene.Read(ctx, s, "web", &v1alpha1.LeaderPolicy{}).Status.CurrentHolder; h != nil {
		return h.Name
	}
	return ""
}
