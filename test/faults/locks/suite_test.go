package locks_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/locker"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// TestMain is a locker where this binary was started as one.
func TestMain(m *testing.M) {
	if locker.IsOne() {
		os.Exit(locker.Main())
	}
	os.Exit(m.Run())
}

func TestLocks(t *testing.T) {
	RegisterFailHandler(Fail)
	scene.SetDefaults()
	RunSpecs(t, "Faults of locks")
}

// long is a spec of the long form alone.
func long(text string, body func(context.Context)) {
	if faults.Full {
		It(text, body, limit)
	}
}

// c has API server and etcd as processes of their own, and zen-lead is installed in it. No controller runs between specs.
var c *cluster.Cluster

var _ = BeforeSuite(func(ctx context.Context) {
	var err error
	c, err = cluster.Start(ctx, cluster.Options{Layout: cluster.Separate, APIOnly: true, Progress: GinkgoWriter})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(c.Stop()).To(Succeed()) })
	Expect(zenlead.Install(ctx, c)).To(Succeed())
	_, err = zenlead.Build(ctx) // not in a time that is measured
	Expect(err).NotTo(HaveOccurred())
}, NodeTimeout(15*time.Minute)) // the first use builds the control plane

var _ = ReportAfterEach(func(r SpecReport) {
	if r.State != types.SpecStateSkipped {
		fmt.Printf("%6.1f s  %s\n", r.RunTime.Seconds(), r.FullText())
	}
})

// limit bounds a spec: its waits end with it.
var limit = SpecTimeout(faults.Longer(2*time.Minute, 40*time.Minute))

// soon is how long what follows at once may take on a machine that has other things to do.
const soon = time.Second
