package pools_test

import (
	"context"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// answers asks the API server for something that it must read from etcd, and does not wait long.
func answers(ctx context.Context, s *scene.Scene) error {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	return s.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, GenerateName: "probe-"}})
}

var _ = Describe("No leader changes while", func() {
	var (
		s          *scene.Scene
		controller *zenlead.Controller
		before     scene.State
	)
	BeforeEach(func(ctx context.Context) {
		s = scene.New(ctx, c)
		recorded(s)
		controller = start(ctx, zenlead.Options{})
		before = pool(ctx, s)
	})
	// unmoved looks after the outage: nothing moved, and things move again.
	unmoved := func(ctx context.Context) {
		GinkgoHelper()
		Expect(s.Leads(ctx, "web", "a").Lease.ResourceVersion).To(Equal(before.Lease.ResourceVersion), "the Lease was written")
		s.DeletePod(ctx, "a")
		Expect(s.Leads(ctx, "web", "b").Term).To(Equal(before.Term + 1))
		Expect(controller.Probe(ctx, "/readyz")).To(Equal(200), "it is the same process")
	}

	killed := func(ctx context.Context) {
		Expect(c.Kill(cluster.APIServer)).To(Succeed())
		Expect(answers(ctx, s)).NotTo(Succeed())
		Expect(c.Restart(ctx, cluster.APIServer)).To(Succeed())
		Expect(answers(ctx, s)).To(Succeed())
		unmoved(ctx)
	}
	if faults.Full {
		It("the API server is killed and started again", killed, limit)
	}

	It("etcd stands still", func(ctx context.Context) {
		Expect(c.Freeze(cluster.Etcd)).To(Succeed())
		frozen := time.Now()
		Eventually(ctx, func(ctx context.Context) time.Duration {
			Expect(answers(ctx, s)).NotTo(Succeed())
			return time.Since(frozen)
		}).Should(BeNumerically(">", faults.Longer(2*time.Second, 5*time.Second)))
		Expect(c.Resume(cluster.Etcd)).To(Succeed())
		Eventually(ctx, func(ctx context.Context) error { return answers(ctx, s) }).Should(Succeed())
		unmoved(ctx)
	}, limit)
})

var _ = Describe("A namespace that is deleted", func() {
	quietly := func(ctx context.Context) {
		s := scene.New(ctx, c)
		controller := start(ctx, zenlead.Options{})
		pool(ctx, s)
		Expect(s.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace}})).To(Succeed())
		Eventually(ctx, func(ctx context.Context) error {
			return s.Get(ctx, client.ObjectKey{Name: s.Namespace}, &corev1.Namespace{})
		}).Should(MatchError(ContainSubstring("not found")))
		errors, err := controller.Lines("level=ERROR")
		Expect(err).NotTo(HaveOccurred())
		errors = slices.DeleteFunc(errors, func(line string) bool { // one each for the moves on the way down
			return strings.Contains(line, "Server rejected event")
		})
		Expect(errors).To(BeEmpty())
		Expect(controller.Probe(ctx, "/healthz")).To(Equal(200))

		other := scene.New(ctx, c)
		pool(ctx, other)
	}
	if faults.Full { // the controller of namespaces takes its time
		It("ends quietly: nothing is made again and nothing is complained of", quietly, limit)
	}
})
