package flood_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

func TestFlood(t *testing.T) {
	RegisterFailHandler(Fail)
	scene.SetDefaults()
	RunSpecs(t, "A flooded API server")
}

// c has an API server with few seats: a small machine is flooded as a large one is, by a flood that a small machine can
// make.
var c *cluster.Cluster

var _ = BeforeSuite(func(ctx context.Context) {
	var err error
	c, err = cluster.Start(ctx, cluster.Options{
		APIOnly: true, Layout: cluster.Separate, Progress: GinkgoWriter,
		ExtraArgs: map[cluster.Component][]string{
			cluster.APIServer: {"--max-requests-inflight=20", "--max-mutating-requests-inflight=10"},
		},
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(c.Stop()).To(Succeed()) })
	Expect(zenlead.Install(ctx, c)).To(Succeed())
	controller, err := zenlead.Start(ctx, c, zenlead.Options{})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(controller.Kill()).To(Succeed()) })
}, NodeTimeout(15*time.Minute)) // the first use builds the control plane
