package api_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/test/proxy"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

var _ = Describe("The process", func() {
	It("says that it is alive and ready", func(ctx context.Context) {
		for _, path := range []string{"/healthz", "/readyz"} {
			Expect(controller.Probe(ctx, path)).To(Equal(http.StatusOK), path)
		}
	}, limit)

	It("tells metrics to whom may get them, and to nobody else", func(ctx context.Context) {
		s := scene.New(ctx, c)
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		s.Leads(ctx, "web", "a")
		withoutController(ctx, func() {
			r, err := zenlead.Start(ctx, c, zenlead.Options{Metrics: true})
			Expect(err).NotTo(HaveOccurred())
			defer func() { Expect(r.Kill()).To(Succeed()) }() // before another begins, which would take it for alive
			s.Pod(ctx, "b", "web")
			s.DeletePod(ctx, "a")
			s.Leads(ctx, "web", "b")

			status, _ := metrics(ctx, r, "")
			Expect(status).To(Equal(http.StatusUnauthorized))
			status, _ = metrics(ctx, r, token(ctx, s, "nobody"))
			Expect(status).To(Equal(http.StatusForbidden))
			reader := token(ctx, s, "reader")
			role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace}, Rules: []rbacv1.PolicyRule{
				{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}},
			}}
			Expect(s.Create(ctx, role)).To(Succeed())
			Expect(s.Create(ctx, &rbacv1.ClusterRoleBinding{
				ObjectMeta: metav1.ObjectMeta{Name: s.Namespace}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
				Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: s.Namespace, Name: "reader"}},
			})).To(Succeed())
			Eventually(ctx, func(g Gomega, ctx context.Context) { // the API server learns of the right from a watch
				status, body := metrics(ctx, r, reader)
				g.Expect(status).To(Equal(http.StatusOK))
				g.Expect(body).To(ContainSubstring(`zen_lead_leader_changes_total{change="elected"} 1`))
			}).Should(Succeed())
		})
	}, limit)

	It("finishes a move that has begun before it stops", func(ctx context.Context) {
		s := scene.New(ctx, c)
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		s.Pod(ctx, "b", "web")
		before := s.Leads(ctx, "web", "a")
		withoutController(ctx, func() {
			kubeconfig := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
			Expect(c.KubeconfigFor(ctx, zenlead.Namespace, zenlead.Account, kubeconfig)).To(Succeed())
			p, err := proxy.Start(kubeconfig)
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(p.Close)
			r, err := zenlead.Start(ctx, c, zenlead.Options{Kubeconfig: p.Kubeconfig})
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(func() { Expect(r.Kill()).To(Succeed()) })

			held := p.Hold(proxy.Match{Method: http.MethodPut, Resource: "endpointslices", Namespace: s.Namespace})
			s.DeletePod(ctx, "a")
			Expect(held.Await(ctx, 1)).To(Succeed())
			Expect(r.Terminate()).To(Succeed())
			Eventually(ctx, func() ([]string, error) { return r.Lines("Stopping and waiting") }).ShouldNot(BeEmpty())
			held.Release()
			Expect(r.Wait(ctx)).To(Succeed())

			after, err := s.Look(ctx, "web") // now, while no controller runs
			Expect(err).NotTo(HaveOccurred())
			Expect(after.Leader).To(Equal("b"))
			Expect(after.Term).To(Equal(before.Term + 1))
		})
	}, limit)
})

// token makes a ServiceAccount and returns a token of it.
func token(ctx context.Context, s *scene.Scene, account string) string {
	GinkgoHelper()
	a := &corev1.ServiceAccount{ObjectMeta: s.Meta(account)}
	Expect(s.Create(ctx, a)).To(Succeed())
	request := &authenticationv1.TokenRequest{}
	Expect(s.SubResource("token").Create(ctx, a, request)).To(Succeed())
	return request.Status.Token
}

func metrics(ctx context.Context, r *zenlead.Controller, token string) (status int, body string) {
	GinkgoHelper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+r.Metrics+"/metrics", nil)
	Expect(err).NotTo(HaveOccurred())
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // its certificate is its own
	}}
	defer client.CloseIdleConnections()
	answer, err := client.Do(req)
	Expect(err).NotTo(HaveOccurred())
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	Expect(err).NotTo(HaveOccurred())
	return answer.StatusCode, string(text)
}
