package pools_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/history"
	"github.com/kube-zen/zen-lead/test/history/record"
	"github.com/kube-zen/zen-lead/test/proxy"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

func TestPools(t *testing.T) {
	RegisterFailHandler(Fail)
	scene.SetDefaults()
	RunSpecs(t, "Faults of pools")
}

// c has every component as a process of its own, and zen-lead is installed in it. No controller runs between specs.
var c *cluster.Cluster

var _ = BeforeSuite(func(ctx context.Context) {
	var err error
	c, err = cluster.Start(ctx, cluster.Options{Layout: cluster.Separate, Progress: GinkgoWriter})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(c.Stop()).To(Succeed()) })
	Expect(zenlead.Install(ctx, c)).To(Succeed())
	_, err = zenlead.Build(ctx) // not in a time that is measured
	Expect(err).NotTo(HaveOccurred())
	recorder, err = record.Start(ctx, c.RESTConfig(), record.Options{})
	Expect(err).NotTo(HaveOccurred())
}, NodeTimeout(15*time.Minute)) // the first use builds the control plane

// limit bounds a spec: its waits end with it.
var limit = SpecTimeout(faults.Longer(time.Minute, 15*time.Minute))

// start starts a controller that ends with the spec.
func start(ctx context.Context, o zenlead.Options) *zenlead.Controller {
	GinkgoHelper()
	r, err := zenlead.Start(ctx, c, o)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(r.Kill()).To(Succeed()) })
	return r
}

// throughProxy starts a controller whose requests pass a proxy.
func throughProxy(ctx context.Context) (*zenlead.Controller, *proxy.Proxy) {
	GinkgoHelper()
	kubeconfig := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
	Expect(c.KubeconfigFor(ctx, zenlead.Namespace, zenlead.Account, kubeconfig)).To(Succeed())
	p, err := proxy.Start(kubeconfig)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(p.Close)
	return start(ctx, zenlead.Options{Kubeconfig: p.Kubeconfig}), p
}

// recorded has the history of a scene checked at the end of the suite.
func recorded(s *scene.Scene) { checked[s.Namespace] = true }

// recorder records all scenes: a watch on each would take a second or two to say that it has seen everything.
var (
	recorder *record.Recorder
	checked  = map[string]bool{}
)

var _ = AfterSuite(func(ctx context.Context) {
	if recorder == nil {
		return // the cluster did not start
	}
	events, err := recorder.Stop(ctx)
	Expect(err).NotTo(HaveOccurred())
	report := history.Check(slices.DeleteFunc(events, func(e history.Event) bool { return !checked[e.Namespace] }))
	AddReportEntry("history of the scenes", report.String())
	Expect(report.Violations).To(BeEmpty())
}, NodeTimeout(time.Minute))

// pool makes a policy web with pods a, b and c, of which a leads.
func pool(ctx context.Context, s *scene.Scene) scene.State {
	GinkgoHelper()
	s.Policy(ctx, "web")
	for _, name := range []string{"a", "b", "c"} {
		s.Pod(ctx, name, "web")
	}
	return s.Leads(ctx, "web", "a")
}
