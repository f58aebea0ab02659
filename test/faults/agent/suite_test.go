package agent_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

func TestAgent(t *testing.T) {
	RegisterFailHandler(Fail)
	scene.SetDefaults()
	RunSpecs(t, "Faults of zen-lead run")
}

// long is a spec of the long form alone: a shorter one shows nearly the same.
func long(text string, body func(context.Context)) {
	if faults.Full {
		It(text, body, limit)
	}
}

var (
	// c has zen-lead installed in it; no controller runs.
	c *cluster.Cluster
	// agentPath and scribePath are the programs.
	agentPath, scribePath string
)

var _ = BeforeSuite(func(ctx context.Context) {
	var err error
	agentPath, err = zenlead.Build(ctx)
	Expect(err).NotTo(HaveOccurred())
	root, err := zenlead.Root()
	Expect(err).NotTo(HaveOccurred())
	dir, err := os.MkdirTemp("", "zen-lead-scribe-")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(os.RemoveAll, dir)
	scribePath = filepath.Join(dir, "scribe")
	build := exec.CommandContext(ctx, "go", "build", "-o", scribePath, "./test/cmd/scribe")
	build.Dir = root
	said, err := build.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(said))

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
var limit = SpecTimeout(2 * time.Minute)
