package pools_test

import (
	"context"
	"fmt"
	"strconv"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// version is a resourceVersion. All objects live in one etcd, so a smaller one was written earlier.
func version(o client.Object) int64 {
	GinkgoHelper()
	v, err := strconv.ParseInt(o.GetResourceVersion(), 10, 64)
	Expect(err).NotTo(HaveOccurred())
	return v
}

// kubelets ends pods that are being deleted, as kubelets do, until ctx ends. evicted returns the version in which a pod was
// told to go.
func kubelets(ctx context.Context, s *scene.Scene) (evicted func(pod string) int64) {
	GinkgoHelper()
	w, err := s.Watch(ctx, &corev1.PodList{}, client.InNamespace(s.Namespace))
	Expect(err).NotTo(HaveOccurred())
	seen := make(chan map[string]int64, 1)
	seen <- map[string]int64{}
	done := make(chan struct{})
	go func() {
		defer GinkgoRecover()
		defer close(done)
		for e := range w.ResultChan() {
			p, ok := e.Object.(*corev1.Pod)
			if !ok || p.DeletionTimestamp == nil || e.Type == watch.Deleted {
				continue
			}
			all := <-seen
			if all[p.Name] == 0 {
				all[p.Name] = version(p)
			}
			seen <- all
			_ = s.Delete(ctx, p, client.GracePeriodSeconds(0)) // somebody else may be faster
		}
	}()
	DeferCleanup(func() {
		w.Stop()
		<-done
	})
	return func(pod string) int64 {
		all := <-seen
		defer func() { seen <- all }()
		return all[pod]
	}
}

var _ = Describe("A drain of two nodes at once, with kubectl", func() {
	It("moves the lead to the node that stays", func(ctx context.Context) {
		s := scene.New(ctx, c)
		recorded(s)
		start(ctx, zenlead.Options{})
		first, second, third := s.Node(ctx, "1"), s.Node(ctx, "2"), s.Node(ctx, "3")
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web", scene.OnNode(first))
		s.Pod(ctx, "b", "web", scene.OnNode(second))
		s.Pod(ctx, "c", "web", scene.OnNode(third))
		before := s.Leads(ctx, "web", "a")
		evicted := kubelets(ctx, s)

		began := time.Now()
		Expect(c.Kubectl(ctx, "drain", first, second, "--force", "--timeout=30s")).Error().NotTo(HaveOccurred())
		drained := time.Since(began)
		after := s.Leads(ctx, "web", "c")
		Expect(after.Term).To(BeNumerically("<=", before.Term+2), "if the second cordon comes late, by way of the second node")
		Expect(evicted("a")).NotTo(BeZero())
		AddReportEntry(fmt.Sprintf("kubectl drained two nodes in %s; moves: %d; before the eviction: %v",
			drained, after.Term-before.Term, version(after.Lease) < evicted("a")))
	}, limit)

	It("finds the lead handed over, where it comes after the cordon", func(ctx context.Context) {
		s := scene.New(ctx, c)
		recorded(s)
		start(ctx, zenlead.Options{})
		first, second, third := s.Node(ctx, "1"), s.Node(ctx, "2"), s.Node(ctx, "3")
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web", scene.OnNode(first))
		s.Pod(ctx, "b", "web", scene.OnNode(second))
		s.Pod(ctx, "c", "web", scene.OnNode(third))
		before := s.Leads(ctx, "web", "a")
		var cordons errgroup.Group // in one moment
		for _, n := range []string{first, second} {
			cordons.Go(func() error {
				return s.Patch(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n}}, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"unschedulable":true}}`)))
			})
		}
		Expect(cordons.Wait()).To(Succeed())
		after := s.Leads(ctx, "web", "c")
		Expect(after.Term).To(Equal(before.Term+1), "one move")

		kubelets(ctx, s)
		Expect(c.Kubectl(ctx, "drain", first, second, "--force", "--timeout=30s")).Error().NotTo(HaveOccurred())
		Expect(s.Leads(ctx, "web", "c").Lease.ResourceVersion).To(Equal(after.Lease.ResourceVersion), "the drain moved nobody any more")
	}, limit)
})
