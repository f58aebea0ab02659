package election_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/proxy"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

func TestElection(t *testing.T) {
	RegisterFailHandler(Fail)
	scene.SetDefaults()
	RunSpecs(t, "Faults of elections")
}

// long is a spec of the long form alone: a shorter one shows nearly the same.
func long(text string, body func(context.Context)) {
	if faults.Full {
		It(text, body, limit)
	}
}

// c has API server and etcd as processes of their own, and zen-lead is installed in it.
var c *cluster.Cluster

var _ = BeforeSuite(func(ctx context.Context) {
	var err error
	c, err = cluster.Start(ctx, cluster.Options{Layout: cluster.Separate, APIOnly: true, Progress: GinkgoWriter})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(c.Stop()).To(Succeed()) })
	Expect(zenlead.Install(ctx, c)).To(Succeed())
}, NodeTimeout(15*time.Minute)) // the first use builds the control plane

var _ = ReportAfterEach(func(r SpecReport) {
	if r.State != types.SpecStateSkipped {
		fmt.Printf("%6.1f s  %s\n", r.RunTime.Seconds(), r.FullText())
	}
})

// limit bounds a spec: its waits end with it.
var limit = SpecTimeout(faults.Longer(time.Minute, 10*time.Minute))

// leaseWrite is every write of the pool's Lease: it begins a term, renews it or gives it up.
var leaseWrite = proxy.Match{Method: http.MethodPut, Resource: "leases", Name: pool}
