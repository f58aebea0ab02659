package chart

import (
	"context"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// What zen-lead has filled in is what clients trust: whoever applies the chart again must leave it, however he does it.
var _ = Describe("The Secret of the API's certificate", func() {
	const other, namespace = "prod", "team-b"
	secret := types.NamespacedName{Namespace: namespace, Name: "prod-zen-lead-api-tls"}
	filled := map[string][]byte{"ca.crt": []byte("a"), "ca.key": []byte("b"), "tls.crt": []byte("c"), "tls.key": []byte("d")}
	inOneNamespace := []string{"--set", "clusterObjects=false,rbac.create=false,serviceAccount.create=false,replicas=0"}
	helm := func(ctx context.Context, args ...string) string {
		GinkgoHelper()
		out, err := runHelm(ctx, GinkgoT().TempDir(), append(args, "--kubeconfig", c.Kubeconfig, "-n", namespace)...)
		Expect(err).NotTo(HaveOccurred())
		return out
	}
	rendered := func(ctx context.Context, args ...string) string {
		GinkgoHelper()
		file := filepath.Join(GinkgoT().TempDir(), "rendered.yaml")
		out := helm(ctx, append(append([]string{"template", other, chartDir, "--skip-tests"}, inOneNamespace...), args...)...)
		Expect(os.WriteFile(file, []byte(out), 0o600)).To(Succeed())
		return file
	}
	data := func(ctx context.Context) map[string][]byte {
		GinkgoHelper()
		s := &corev1.Secret{}
		Expect(scene.ClientOf(c.RESTConfig()).Get(ctx, secret, s)).To(Succeed())
		return s.Data
	}
	fill := func(ctx context.Context) {
		GinkgoHelper()
		client, s := scene.ClientOf(c.RESTConfig()), &corev1.Secret{}
		Expect(client.Get(ctx, secret, s)).To(Succeed())
		Expect(s.Data).To(BeEmpty())
		s.Data = filled
		Expect(client.Update(ctx, s)).To(Succeed())
	}
	AfterEach(func(ctx context.Context) {
		kubectl(ctx, "delete", "-n", namespace, "--ignore-not-found", "-l", "app.kubernetes.io/instance="+other, "deployments,services,secrets")
		kubectl(ctx, "delete", "-n", namespace, "--ignore-not-found", "-l", "owner=helm,name="+other, "secrets")
	}, NodeTimeout(time.Minute))

	DescribeTable("is filled once, and left as it is by an upgrade", func(ctx context.Context, args ...string) {
		install := append([]string{"install", other, chartDir}, inOneNamespace...)
		upgrade := append([]string{"upgrade", other, chartDir}, inOneNamespace...)
		helm(ctx, append(install, args...)...)
		fill(ctx)
		helm(ctx, append(upgrade, args...)...)
		Expect(data(ctx)).To(Equal(filled))
		helm(ctx, append(upgrade, append(args, "--set", "log.level=DEBUG,fullnameOverride=prod-zen-lead")...)...)
		Expect(data(ctx)).To(Equal(filled))
		helm(ctx, append([]string{"rollback", other, "1"}, args...)...)
		Expect(data(ctx)).To(Equal(filled))
		helm(ctx, append(upgrade, append(args, "--set", "api.enabled=false")...)...)
		Expect(kubectl(ctx, "get", "secret", secret.Name, "-n", namespace, "--ignore-not-found")).To(BeEmpty())
	},
		Entry("as Helm 4 makes it", SpecTimeout(time.Minute), "--server-side=true"),
		Entry("as Helm 4 makes it that takes fields of others", SpecTimeout(time.Minute), "--server-side=true", "--force-conflicts"),
		Entry("as Helm 3 makes it", SpecTimeout(time.Minute), "--server-side=false"),
	)

	DescribeTable("is filled once, and left as it is by what applies manifests", func(ctx context.Context, args ...string) {
		kubectl(ctx, append([]string{"apply", "-f", rendered(ctx)}, args...)...)
		fill(ctx)
		again := rendered(ctx, "--set", "log.level=DEBUG")
		kubectl(ctx, append([]string{"apply", "-f", again}, args...)...)
		Expect(data(ctx)).To(Equal(filled))
		_, err := c.Kubectl(ctx, append([]string{"diff", "-f", again}, args...)...)
		Expect(err).NotTo(HaveOccurred(), "GitOps tools see a difference")
	},
		Entry("in the client", SpecTimeout(time.Minute)),
		Entry("in the server", SpecTimeout(time.Minute), "--server-side", "--force-conflicts"),
	)

	It("may be read and updated by the controller's account, and no other Secret may", func(ctx context.Context) {
		file := filepath.Join(GinkgoT().TempDir(), "rights.yaml")
		Expect(os.WriteFile(file, []byte(helm(ctx, "template", other, chartDir, "--show-only", "templates/rbac.yaml")), 0o600)).To(Succeed())
		kubectl(ctx, "apply", "-f", file)
		DeferCleanup(func(ctx context.Context) { kubectl(ctx, "delete", "-f", file) }, NodeTimeout(time.Minute))
		may := func(verb, name, in string) bool {
			GinkgoHelper()
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User:               "system:serviceaccount:" + namespace + ":prod-zen-lead",
				ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: verb, Version: "v1", Resource: "secrets", Namespace: in, Name: name},
			}}
			Expect(scene.ClientOf(c.RESTConfig()).Create(ctx, review)).To(Succeed())
			return review.Status.Allowed
		}
		for _, verb := range []string{"get", "update"} {
			Eventually(func() bool { return may(verb, secret.Name, namespace) }).Should(BeTrue(), verb)
		}
		for _, verb := range []string{"list", "watch", "create", "patch", "delete", "deletecollection"} {
			Expect(may(verb, secret.Name, namespace)).To(BeFalse(), verb)
		}
		for _, verb := range []string{"get", "update", "list", "watch", "create"} {
			Expect(may(verb, "another", namespace)).To(BeFalse(), verb)
			Expect(may(verb, "", namespace)).To(BeFalse(), verb)
			Expect(may(verb, secret.Name, "team-a")).To(BeFalse(), verb)
		}
	}, SpecTimeout(time.Minute))
})
