package pools_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	coordinationv1 "k8s.io/api/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/test/proxy"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// replica is a controller with a proxy of its own.
type replica struct {
	*zenlead.Controller
	proxy *proxy.Proxy
}

// startReplica starts a replica, of another binary if one is named.
func startReplica(ctx context.Context, binary string) replica {
	GinkgoHelper()
	kubeconfig := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
	Expect(c.KubeconfigFor(ctx, zenlead.Namespace, zenlead.Account, kubeconfig)).To(Succeed())
	p, err := proxy.Start(kubeconfig)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(p.Close)
	return replica{start(ctx, zenlead.Options{Kubeconfig: p.Kubeconfig, Binary: binary}), p}
}

// startPair starts two replicas and returns when each knows of the other.
func startPair(ctx context.Context, s *scene.Scene) [2]replica {
	GinkgoHelper()
	first := startReplica(ctx, "")
	before := leaseOf(ctx, s, first).ResourceVersion
	second := startReplica(ctx, "")
	Eventually(ctx, func(ctx context.Context) string { return leaseOf(ctx, s, first).ResourceVersion }).ShouldNot(Equal(before),
		"it greets the newcomer")
	return [2]replica{first, second}
}

// leaseOf waits for the replica's Lease.
func leaseOf(ctx context.Context, s *scene.Scene, r replica) *coordinationv1.Lease {
	GinkgoHelper()
	l := &coordinationv1.Lease{}
	Eventually(ctx, func(ctx context.Context) error {
		name, err := r.Lease()
		if err != nil {
			return err
		}
		return s.Get(ctx, client.ObjectKey{Namespace: zenlead.Namespace, Name: name}, l)
	}).Should(Succeed())
	return l
}

// granted says whether the replica wrote the Lease of a scene's pool.
func (r replica) granted(s *scene.Scene) bool {
	return len(r.proxy.Writes(proxy.Match{Method: http.MethodPut, Resource: "leases", Namespace: s.Namespace})) > 0
}

// preferredFirst returns the pair with the one first that the scene's pool prefers: it alone made the first election.
func preferredFirst(s *scene.Scene, pair [2]replica) (preferred, other replica) {
	GinkgoHelper()
	Expect(pair[0].granted(s)).NotTo(Equal(pair[1].granted(s)), "one of the two elected, the other waited")
	if pair[0].granted(s) {
		return pair[0], pair[1]
	}
	return pair[1], pair[0]
}

// previousRelease is what a replica of this version may meet while a cluster is upgraded: the last tag, once there is one.
const previousRelease = "e5d3eb80c0" // elects by the same records, and knows nothing of replicas

// previous builds it, once.
func previous(ctx context.Context) string {
	GinkgoHelper()
	if previousBinary == "" {
		dir, err := os.MkdirTemp(c.Dir, "previous-")
		Expect(err).NotTo(HaveOccurred())
		previousBinary, err = zenlead.BuildOf(ctx, previousRelease, dir)
		Expect(err).NotTo(HaveOccurred())
	}
	return previousBinary
}

var previousBinary string
