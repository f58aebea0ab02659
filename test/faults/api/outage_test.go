package api_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/caller"
	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/proxy"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

const stale = `110 - "Response is Stale"`

var _ = Describe("While the API server is away", func() {
	It("who is known is answered, with the age and a mark; after it everything goes on", func(ctx context.Context) {
		r := replica(ctx, zenlead.Options{})
		s := newStage(ctx, "a", "b")
		first := s.Leads(ctx, "web", "a")
		a := s.at(r)
		Expect(s.get(ctx, a, "").Header).NotTo(HaveKey("Warning"))
		events := s.watch(ctx, a, "")
		until(events, "a", first.Term)
		stranger, err := caller.New(r.API, caller.Token(ctx, s.Scene, "asker", caller.Audience))
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(stranger.Close)

		Expect(c.Kill(cluster.APIServer)).To(Succeed())
		gone := time.Now()
		Expect(s.get(ctx, stranger, "")).To(And(HaveField("Status", 503), HaveField("Reason", "Unavailable")), "nobody can say who that is")
		var got caller.Answer
		Eventually(ctx, func() []string {
			got = s.get(ctx, a, "")
			return got.Header["Warning"]
		}).WithTimeout(30 * time.Second).Should(Equal([]string{stale}))
		Expect(got).To(And(HaveField("Status", 200), HaveField("Body", ContainSubstring(`"name":"a"`)), HaveField("Body", MatchRegexp(`"ageMs":1[5-9]...\b|"ageMs":2....\b`))), got.Body)
		Expect(time.Since(gone)).To(BeNumerically(">", 9*time.Second), "a replica hears itself every five seconds")
		Eventually(ctx, events.Next).Should(And(HaveField("Kind", "heartbeat"), HaveField("Stale", true), HaveField("AgeMs", BeNumerically(">", 15000))))
		Expect(s.get(ctx, a, "&consistency=strong")).To(And(HaveField("Status", 503), HaveField("Reason", "Unavailable")))
		moved, err := a.Call(ctx, "POST", "/v1/leader/pool/web/handover?namespace="+s.Namespace, `{"to":"b"}`)
		Expect(err).NotTo(HaveOccurred())
		Expect(moved.Status).To(Equal(503))

		Expect(c.Restart(ctx, cluster.APIServer)).To(Succeed())
		Eventually(ctx, func() []string { return s.get(ctx, a, "").Header["Warning"] }).WithTimeout(30 * time.Second).Should(BeEmpty())
		s.DeletePod(ctx, "a")
		Expect(until(events, "b", first.Term).Term).To(BeNumerically(">", first.Term))
		Expect(s.get(ctx, stranger, "")).To(HaveField("Status", 200))
		Expect(r.Probe(ctx, "/readyz")).To(Equal(200), "it is the same process")
	}, limit)
})

var _ = Describe("A replica that is cut off from the API server", func() {
	It("tells nobody what is older than what another one told, and catches up", func(ctx context.Context) {
		kubeconfig := GinkgoT().TempDir() + "/kubeconfig"
		Expect(c.KubeconfigFor(ctx, zenlead.Namespace, zenlead.Account, kubeconfig)).To(Succeed())
		way, err := proxy.Start(kubeconfig)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(way.Close)
		near, far := replica(ctx, zenlead.Options{}), replica(ctx, zenlead.Options{Kubeconfig: way.Kubeconfig})
		s := newStage(ctx, "a", "b")
		first := s.Leads(ctx, "web", "a")
		atNear, atFar := s.at(near), s.at(far)
		until(s.watch(ctx, atFar, ""), "a", first.Term) // it knows the caller
		Expect(s.get(ctx, atFar, "")).To(HaveField("Status", 200))

		cut := way.Cut()
		s.DeletePod(ctx, "a")
		news := until(s.watch(ctx, atNear, ""), "b", first.Term)
		Expect(s.get(ctx, atFar, "").Body).To(ContainSubstring(`"name":"a"`), "the fault did not happen")
		Expect(s.get(ctx, atFar, "&minTerm="+itoa(news.Term))).To(And(HaveField("Status", 503), HaveField("Reason", "Unavailable")))
		hopped := s.watch(ctx, atFar, news.ID)
		Expect(hopped.Next()).To(HaveField("Kind", "heartbeat"), "not that a leads")
		Expect(hopped.Next()).To(HaveField("Kind", "heartbeat"), "not that a leads")

		cut.Release()
		Eventually(ctx, func() string { return s.get(ctx, atFar, "").Body }).WithTimeout(time.Minute).Should(ContainSubstring(`"name":"b"`))
		Expect(s.get(ctx, atFar, "&minTerm="+itoa(news.Term))).To(HaveField("Status", 200))
		s.Pod(ctx, "c", "web")
		s.DeletePod(ctx, "b")
		until(hopped, "c", news.Term)
	}, limit)
})
