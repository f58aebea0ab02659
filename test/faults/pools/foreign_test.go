package pools_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// take lets an elector that asks nobody make itself the holder of a Lease, in one write as client-go's.
func take(ctx context.Context, s *scene.Scene, lease, holder string, duration int32) {
	GinkgoHelper()
	Eventually(ctx, func(ctx context.Context) error { // zen-lead may write too
		l := &coordinationv1.Lease{}
		err := s.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: lease}, l)
		if client.IgnoreNotFound(err) != nil {
			return err
		}
		next := int32(0)
		if t := l.Spec.LeaseTransitions; t != nil {
			next = *t + 1
		}
		now := metav1.NowMicro()
		l.Spec.HolderIdentity, l.Spec.LeaseTransitions, l.Spec.LeaseDurationSeconds = &holder, &next, &duration
		l.Spec.AcquireTime, l.Spec.RenewTime = &now, &now
		if err != nil {
			l.ObjectMeta = s.Meta(lease)
			return s.Create(ctx, l)
		}
		return s.Update(ctx, l)
	}).Should(Succeed())
}

func renew(ctx context.Context, s *scene.Scene, lease string) {
	GinkgoHelper()
	l := s.Lease(ctx, lease)
	l.Spec.RenewTime = &metav1.MicroTime{Time: time.Now()}
	Expect(s.Update(ctx, l)).To(Succeed()) // nobody else writes it
}

var _ = Describe("An elector that is not zen-lead's", func() {
	It("appears on a pool of mode controller, ignores who holds it, and dies: a member leads again after its duration", func(ctx context.Context) {
		s := scene.New(ctx, c)
		recorded(s)
		start(ctx, zenlead.Options{})
		before := pool(ctx, s)
		take(ctx, s, "web", "stranger", 2)
		Eventually(ctx, func(ctx context.Context) string {
			state := scene.State{Policy: scene.Read(ctx, s, "web", &v1alpha1.LeaderPolicy{})}
			if contended := state.Condition(v1alpha1.ConditionLeaseContended); contended != nil && state.Policy.Status.CurrentHolder == nil {
				return contended.Reason
			}
			return ""
		}).Should(Equal(v1alpha1.ReasonForeignHolder))
		dead := s.Lease(ctx, "web")
		after := s.Leads(ctx, "web", "a")
		Expect(after.Lease.Spec.AcquireTime.Sub(dead.Spec.RenewTime.Time)).To(BeNumerically(">=", 2100*time.Millisecond))
		Expect(after.Term).To(Equal(before.Term + 2))
	}, limit)

	It("is followed in mode observe while the replicas of zen-lead are killed, one after the other", func(ctx context.Context) {
		s := scene.New(ctx, c)
		recorded(s)
		replicas := []*zenlead.Controller{start(ctx, zenlead.Options{}), start(ctx, zenlead.Options{})}
		s.Policy(ctx, "web", func(p *v1alpha1.LeaderPolicy) { p.Spec.Mode, p.Spec.LeaseName = v1alpha1.ModeObserve, "op" })
		pods := []string{"a", "b", "c"}
		for _, name := range pods {
			s.Pod(ctx, name, "web")
		}
		var last, term int64
		for i := range 6 {
			take(ctx, s, "op", fmt.Sprintf("%s_%d", pods[i%3], i), 60)
			Expect(replicas[i%2].Kill()).To(Succeed())
			replicas[i%2] = start(ctx, zenlead.Options{})
			Eventually(ctx, func(ctx context.Context) (string, error) { // a replica that is new waits for a renewal
				renew(ctx, s, "op")
				state, err := s.Look(ctx, "web")
				term = state.Term
				return state.Leader, err
			}).Should(Equal(pods[i%3]))
			Expect(term).To(BeNumerically(">", last))
			last = term
		}
		take(ctx, s, "op", "", 1)
		released := s.Lease(ctx, "op").ResourceVersion
		s.Leads(ctx, "web", "")
		Expect(s.Lease(ctx, "op").ResourceVersion).To(Equal(released), "the Lease was written")
	}, limit)
})
