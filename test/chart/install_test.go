package chart

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

func TestOnARealAPIServer(t *testing.T) {
	RegisterFailHandler(Fail)
	scene.SetDefaults()
	RunSpecs(t, "Chart")
}

var c *cluster.Cluster

var _ = BeforeSuite(func(ctx context.Context) {
	var err error
	c, err = cluster.Start(ctx, cluster.Options{FakeNodes: 2, Progress: GinkgoWriter})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(c.Stop()).To(Succeed()) })
	s := scene.ClientOf(c.RESTConfig())
	for _, name := range []string{zenlead.Namespace, "team-a", "team-b"} {
		restricted := map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}
		Expect(s.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: restricted}})).To(Succeed())
	}
}, NodeTimeout(15*time.Minute)) // the first use builds the API server

const release = "zen-lead"

// run runs helm on the cluster, for the release in its namespace.
func run(ctx context.Context, command string, args ...string) string {
	GinkgoHelper()
	out, err := runHelm(ctx, GinkgoT().TempDir(), append([]string{command, release, "--kubeconfig", c.Kubeconfig, "-n", zenlead.Namespace}, args...)...)
	Expect(err).NotTo(HaveOccurred())
	return out
}

// kubectl returns the lines that it prints.
func kubectl(ctx context.Context, args ...string) string {
	GinkgoHelper()
	out, err := c.Kubectl(ctx, args...)
	Expect(err).NotTo(HaveOccurred())
	return string(out)
}

// apply renders the chart and has kubectl apply it.
func apply(ctx context.Context, render []string, args ...string) {
	GinkgoHelper()
	out, err := runHelm(ctx, GinkgoT().TempDir(), append([]string{"template", release, chartDir, "-n", zenlead.Namespace}, render...)...)
	Expect(err).NotTo(HaveOccurred())
	file := filepath.Join(GinkgoT().TempDir(), "rendered.yaml")
	Expect(os.WriteFile(file, []byte(out), 0o600)).To(Succeed())
	kubectl(ctx, append([]string{"apply", "-f", file}, args...)...)
}

func start(ctx context.Context) *zenlead.Controller {
	GinkgoHelper()
	Expect(zenlead.AwaitPolicies(ctx, c)).To(Succeed())
	controller, err := zenlead.Start(ctx, c, zenlead.Options{})
	Expect(err).NotTo(HaveOccurred())
	return controller
}

var _ = DescribeTable("The API server accepts", func(ctx context.Context, values ...string) {
	args := []string{"--skip-tests"}
	for _, v := range values {
		args = append(args, "--set", v)
	}
	apply(ctx, args, "--dry-run=server")
},
	Entry("the defaults", SpecTimeout(time.Minute)),
	Entry("a controller for two namespaces", SpecTimeout(time.Minute), "watchNamespaces={team-a,team-b}"),
	Entry("one that makes nothing of the cluster's", SpecTimeout(time.Minute), "watchNamespaces={team-a}", "clusterObjects=false"),
	Entry("network policy", SpecTimeout(time.Minute), "networkPolicy.enabled=true"),
	Entry("an API at a load balancer", SpecTimeout(time.Minute), "api.service.type=LoadBalancer", "api.service.annotations.a=b", "api.dnsNames={zen-lead.example,10.0.0.1}"),
	Entry("no API", SpecTimeout(time.Minute), "api.enabled=false"),
	Entry("priority for participants", SpecTimeout(time.Minute), "flowControl.participants=true"),
	Entry("no user of its own", SpecTimeout(time.Minute), "runAsUser=null"),
)

func asJSON(value any) []byte {
	GinkgoHelper()
	encoded, err := json.Marshal(value)
	Expect(err).NotTo(HaveOccurred())
	return encoded
}

// GitOps tools compare what they applied with what is there; not all of them know what the API server fills in for these kinds.
var _ = It("writes out what the API server would fill in for admission policies and flow control", func(ctx context.Context) {
	out, err := runHelm(ctx, GinkgoT().TempDir(), "template", release, chartDir, "-n", zenlead.Namespace, "--set", "flowControl.participants=true")
	Expect(err).NotTo(HaveOccurred())
	rendered, err := objects(strings.NewReader(out))
	Expect(err).NotTo(HaveOccurred())
	s := scene.ClientOf(c.RESTConfig())
	compared := 0
	for key, o := range rendered {
		if !strings.HasPrefix(key, "admissionregistration.k8s.io/") && !strings.HasPrefix(key, "flowcontrol.apiserver.k8s.io/") {
			continue
		}
		compared++
		there := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(o)}
		there.SetName("compared-" + there.GetName()) // the real ones may be installed
		Expect(s.Create(ctx, there, client.DryRunAll)).To(Succeed(), key)
		Expect(asJSON(there.Object["spec"])).To(MatchJSON(asJSON(o["spec"])), key)
	}
	Expect(compared).To(BeNumerically(">=", 12+3))
}, SpecTimeout(time.Minute))

var _ = It("installs, elects, upgrades, goes without the policies and comes back to them", func(ctx context.Context) {
	s := scene.New(ctx, c)

	By("installing")
	run(ctx, "install", chartDir, "--wait", "--timeout", "1m")
	Expect(kubectl(ctx, "get", "deployment", release, "-n", zenlead.Namespace, "-o", "jsonpath={.status.readyReplicas}")).To(Equal("2"))
	controller := start(ctx)
	policy := s.Policy(ctx, "web")
	s.Policy(ctx, "left")
	for _, pool := range []string{"web", "left"} {
		s.Pod(ctx, pool+"-a", pool)
		s.Pod(ctx, pool+"-b", pool)
	}
	led := s.Leads(ctx, "web", "web-a")
	s.Leads(ctx, "left", "left-a")

	By("helm test's pod being elected") // it runs nowhere here, so it cannot say so itself
	apply(ctx, []string{"--show-only", "templates/tests/elects.yaml"})
	kubectl(ctx, "wait", "-n", zenlead.Namespace, "--for=condition=LeaderElected", "leaderpolicy/zen-lead-test", "--timeout=30s")
	kubectl(ctx, "delete", "-n", zenlead.Namespace, "-l", "app.kubernetes.io/name=zen-lead-test", "--grace-period=0", "--force",
		"pods,leaderpolicies,serviceaccounts,roles,rolebindings")

	By("upgrading")
	run(ctx, "upgrade", chartDir, "--wait", "--timeout", "1m", "--set", "replicas=3,log.format=json")
	Expect(kubectl(ctx, "get", "deployment", release, "-n", zenlead.Namespace, "-o", "jsonpath={.status.readyReplicas}")).To(Equal("3"))
	Expect(s.Leads(ctx, "web", "web-a").Term).To(Equal(led.Term), "no upgrade moves a leader")

	By("uninstalling")
	Expect(s.Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "ops"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "ops"}},
	})).To(Succeed())
	ops := s.As("ops") // may do everything, and is none of system:masters, whom the guard lets pass
	Expect(ops.Delete(ctx, s.Lease(ctx, "left"))).To(MatchError(ContainSubstring("held by left-a")))
	Expect(controller.Stop(ctx)).To(Succeed())
	run(ctx, "uninstall", "--wait")
	Expect(kubectl(ctx, "get", "-A", "-o", "name", "-l", "app.kubernetes.io/instance="+release,
		"validatingadmissionpolicies,validatingadmissionpolicybindings,mutatingadmissionpolicies,mutatingadmissionpolicybindings,"+
			"flowschemas,prioritylevelconfigurations,clusterroles,clusterrolebindings,roles,rolebindings,serviceaccounts,deployments,poddisruptionbudgets,services,secrets")).
		To(BeEmpty())
	Eventually(ctx, func(ctx context.Context) error { return ops.Delete(ctx, s.Lease(ctx, "left")) }).Should(Succeed(), "nothing guards Leases any more")
	Expect(scene.Read(ctx, s, "web", &v1alpha1.LeaderPolicy{}).UID).To(Equal(policy.UID))

	By("installing again")
	run(ctx, "install", chartDir, "--wait", "--timeout", "1m")
	controller = start(ctx)
	Expect(s.Leads(ctx, "web", "web-a").Term).To(Equal(led.Term), "the record outlived the release")
	s.DeletePod(ctx, "web-a")
	Expect(s.Leads(ctx, "web", "web-b").Term).To(BeNumerically(">", led.Term))
	s.Leads(ctx, "left", "left-a")

	By("uninstalling with all policies")
	Expect(controller.Stop(ctx)).To(Succeed())
	run(ctx, "upgrade", chartDir, "--set", "crds.keep=false")
	run(ctx, "uninstall", "--wait")
	Eventually(ctx, func(ctx context.Context) bool {
		_, err := c.Kubectl(ctx, "get", "crd", "leaderpolicies.coordination.kube-zen.io", "--ignore-not-found=false")
		return err != nil
	}).Should(BeTrue())

	By("taking over what kustomize installed")
	Expect(c.Apply(ctx, path("controller", "config"))).To(Succeed())
	run(ctx, "install", chartDir, "--take-ownership", "--force-conflicts", "--wait", "--timeout", "1m")
	Expect(kubectl(ctx, "get", "serviceaccount", zenlead.Account, "-n", zenlead.Namespace, "-o", "jsonpath={.metadata.annotations.meta\\.helm\\.sh/release-name}")).
		To(Equal(release))
}, SpecTimeout(5*time.Minute))
