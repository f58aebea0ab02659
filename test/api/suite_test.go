package api_test

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

func TestAPI(t *testing.T) {
	RegisterFailHandler(Fail)
	scene.SetDefaults()
	RunSpecs(t, "API")
}

var (
	c *cluster.Cluster
	// controller is the one that runs between specs; a spec that ends it starts another.
	controller *zenlead.Controller
)

var _ = BeforeSuite(func(ctx context.Context) {
	var err error
	c, err = cluster.Start(ctx, cluster.Options{APIOnly: true, Progress: GinkgoWriter})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(c.Stop()).To(Succeed()) })
	Expect(zenlead.Install(ctx, c)).To(Succeed())
	startController(ctx)
	DeferCleanup(func() { Expect(controller.Kill()).To(Succeed()) })
}, NodeTimeout(15*time.Minute)) // the first use builds the API server

func startController(ctx context.Context) {
	GinkgoHelper()
	var err error
	controller, err = zenlead.Start(ctx, c, zenlead.Options{API: true})
	Expect(err).NotTo(HaveOccurred())
}

// withoutController lets things happen while no controller runs, and starts one again.
func withoutController(ctx context.Context, happen func()) {
	GinkgoHelper()
	Expect(controller.Kill()).To(Succeed())
	defer startController(ctx)
	happen()
}

// limit bounds a spec: its waits end with it.
var limit = SpecTimeout(time.Minute)
