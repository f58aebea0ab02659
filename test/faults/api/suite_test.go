package api_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/caller"
	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

func TestAPI(t *testing.T) {
	RegisterFailHandler(Fail)
	scene.SetDefaults()
	RunSpecs(t, "Faults of the API")
}

// c has zen-lead installed in it; no controller runs.
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
var limit = SpecTimeout(4 * time.Minute)

// replica starts a controller that serves the API, until the spec ends.
func replica(ctx context.Context, o zenlead.Options) *zenlead.Controller {
	GinkgoHelper()
	o.API = true
	r, err := zenlead.Start(ctx, c, o)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() {
		Expect(r.Kill()).To(Succeed())
		Expect(r.Lines("panic")).To(BeEmpty())
	})
	return r
}

// stage is a pool, led by its first pod, and an account that may do everything with it.
type stage struct {
	*scene.Scene
	token string
}

func newStage(ctx context.Context, pods ...string) *stage {
	GinkgoHelper()
	s := &stage{Scene: scene.New(ctx, c)}
	s.Policy(ctx, "web")
	for _, p := range pods {
		s.Pod(ctx, p, "web")
	}
	caller.Account(ctx, s.Scene, "asker", "get", "list", "watch", "update")
	s.token = caller.Token(ctx, s.Scene, "asker", caller.Audience)
	return s
}

// at returns a caller of a replica.
func (s *stage) at(r *zenlead.Controller) *caller.Caller {
	GinkgoHelper()
	a, err := caller.New(r.API, s.token)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(a.Close)
	return a
}

// get asks who leads.
func (s *stage) get(ctx context.Context, a *caller.Caller, query string) caller.Answer {
	GinkgoHelper()
	got, err := a.Call(ctx, "GET", "/v1/leader/pool/web?namespace="+s.Namespace+query, "")
	Expect(err).NotTo(HaveOccurred())
	return got
}

// watch follows the pool until the spec ends.
func (s *stage) watch(ctx context.Context, a *caller.Caller, resume string) *caller.Events {
	GinkgoHelper()
	e, err := a.Watch(ctx, s.Namespace, "web", resume)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(e.Close)
	return e
}

// until reads events until one names a pod, and fails where a term is smaller than one before.
func until(e *caller.Events, pod string, least int64) caller.Event {
	GinkgoHelper()
	for {
		v, err := e.Leads()
		Expect(err).NotTo(HaveOccurred())
		Expect(v.Term).To(BeNumerically(">=", least))
		least = v.Term
		if v.Leader != nil && v.Leader.Name == pod {
			return v
		}
	}
}
