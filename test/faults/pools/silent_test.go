package pools_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// heart renews the Lease of a node as its kubelet does, four times as often: so is the Lease shorter.
type heart struct {
	stop context.CancelFunc
	done sync.WaitGroup
}

const (
	beatEvery    = 2500 * time.Millisecond
	leaseSeconds = 10
)

func beats(ctx context.Context, s *scene.Scene, node string) *heart {
	GinkgoHelper()
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: corev1.NamespaceNodeLease, Name: node},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: new(node), LeaseDurationSeconds: new(int32(leaseSeconds)), RenewTime: &metav1.MicroTime{Time: time.Now()},
		},
	}
	Expect(s.Create(ctx, lease)).To(Succeed())
	h := &heart{}
	ctx, h.stop = context.WithCancel(context.WithoutCancel(ctx))
	h.done.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(beatEvery):
			}
			next := lease.DeepCopy()
			next.Spec.RenewTime = &metav1.MicroTime{Time: time.Now()}
			if s.Update(ctx, next) == nil {
				lease = next
			}
		}
	})
	DeferCleanup(func(ctx context.Context) {
		h.silence()
		Expect(s.Delete(ctx, &coordinationv1.Lease{ObjectMeta: lease.ObjectMeta})).To(Succeed())
	})
	return h
}

// silence returns when the node renews no more.
func (h *heart) silence() {
	h.stop()
	h.done.Wait()
}

var _ = Describe("Nodes that stop to renew their Leases", func() {
	var (
		s      *scene.Scene
		before scene.State
		hearts map[string]*heart
	)
	// stage puts a and b into one zone, c and d into another, and lets the controller hear their nodes.
	stage := func(ctx context.Context, edit ...func(*v1alpha1.LeaderPolicy)) {
		GinkgoHelper()
		s = scene.New(ctx, c)
		recorded(s)
		start(ctx, zenlead.Options{})
		s.Policy(ctx, "web", edit...)
		hearts = map[string]*heart{}
		for _, pod := range []string{"a", "b", "c", "d"} {
			node := s.Node(ctx, pod)
			hearts[pod] = beats(ctx, s, node)
			s.Pod(ctx, pod, "web", scene.OnNode(node))
		}
		before = s.Leads(ctx, "web", "a")
		heard(ctx, s, 1) // a Lease is judged from its first renewal on
	}

	It("lose the lead to another zone, long before the node controller's verdict", func(ctx context.Context) {
		stage(ctx)
		hearts["b"].silence()
		hearts["a"].silence()
		silenced := time.Now()
		after := s.Leads(ctx, "web", "c")
		took := time.Since(silenced)
		Expect(after.Term).To(Equal(before.Term+1), "one move, not by way of b")
		Expect(took).To(BeNumerically("<", 0.7*leaseSeconds*float64(time.Second)))
		AddReportEntry(fmt.Sprintf("a whole zone silent: moved after %s, Leases of %d s", took, leaseSeconds))
	}, limit)

	It("do not lose it where the policy holds it, and it says so", func(ctx context.Context) {
		stage(ctx, func(p *v1alpha1.LeaderPolicy) {
			p.Spec.Failover = &v1alpha1.Failover{UnreachableNode: v1alpha1.UnreachableNodeHold}
		})
		hearts["a"].silence()
		Eventually(ctx, func(ctx context.Context) *metav1.Condition {
			state := s.Leads(ctx, "web", "a")
			return state.Condition(v1alpha1.ConditionLeaderReachable)
		}).Should(HaveField("Reason", v1alpha1.ReasonNodeSilent))
		Expect(s.Leads(ctx, "web", "a").Lease.ResourceVersion).To(Equal(before.Lease.ResourceVersion))
	}, limit)

	DescribeTable("for an outage of the API server are not suspected, nor after it", func(ctx context.Context, begin, end func(context.Context)) {
		stage(ctx)
		begin(ctx)
		began := time.Now()
		Eventually(ctx, func() time.Duration { return time.Since(began) }).WithTimeout(time.Minute).Should(BeNumerically(">", faults.Longer(12*time.Second, 40*time.Second)))
		end(ctx)
		Eventually(ctx, func(ctx context.Context) error { return answers(ctx, s) }).Should(Succeed())
		heard(ctx, s, 3)
		Expect(s.Leads(ctx, "web", "a").Lease.ResourceVersion).To(Equal(before.Lease.ResourceVersion), "somebody moved")
	},
		Entry("which stands still", limit,
			func(context.Context) { Expect(c.Freeze(cluster.APIServer)).To(Succeed()) },
			func(context.Context) { Expect(c.Resume(cluster.APIServer)).To(Succeed()) }),
		faults.OnlyFull(Entry("which is killed", limit,
			func(context.Context) { Expect(c.Kill(cluster.APIServer)).To(Succeed()) },
			func(ctx context.Context) { Expect(c.Restart(ctx, cluster.APIServer)).To(Succeed()) })),
	)
})

// heard waits until each node of a scene has renewed its Lease so often.
func heard(ctx context.Context, s *scene.Scene, times int) {
	GinkgoHelper()
	seen := map[string]int{}
	last := map[string]string{}
	Eventually(ctx, func(ctx context.Context) bool {
		enough := true
		for _, pod := range []string{"a", "b", "c", "d"} {
			l := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: corev1.NamespaceNodeLease, Name: s.Namespace + "-" + pod}}
			if s.Get(ctx, client.ObjectKeyFromObject(l), l) == nil && l.ResourceVersion != last[pod] {
				seen[pod], last[pod] = seen[pod]+1, l.ResourceVersion
			}
			enough = enough && seen[pod] > times
		}
		return enough
	}).WithPolling(200 * time.Millisecond).Should(BeTrue())
}
