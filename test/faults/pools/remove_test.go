package pools_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// sh runs a command of a document as its reader does, in the root of the repository, and returns what it prints.
func sh(ctx context.Context, command string) string {
	GinkgoHelper()
	root, err := zenlead.Root()
	Expect(err).NotTo(HaveOccurred())
	kubectl, err := cluster.BuildKubectl(ctx, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig, "PATH="+filepath.Dir(kubectl)+":"+os.Getenv("PATH"))
	said, err := cmd.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "%s: %s", command, said)
	return string(said)
}

// commands returns the commands of docs/remove.md that begin with kubectl and stand after a heading.
func commands(after string) []string {
	GinkgoHelper()
	root, err := zenlead.Root()
	Expect(err).NotTo(HaveOccurred())
	page, err := os.ReadFile(filepath.Join(root, "docs", "remove.md"))
	Expect(err).NotTo(HaveOccurred())
	_, rest, found := regexpCut(page, after)
	Expect(found).To(BeTrue(), after)
	var list []string
	for _, line := range regexp.MustCompile(`(?m)^    (kubectl [^#\n]*)`).FindAllSubmatch(rest, -1) {
		list = append(list, string(line[1]))
	}
	return list
}

func regexpCut(text []byte, at string) (before, after []byte, found bool) {
	i := regexp.MustCompile(regexp.QuoteMeta(at)).FindIndex(text)
	if i == nil {
		return text, nil, false
	}
	return text[:i[0]], text[i[1]:], true
}

var _ = Describe("Removing zen-lead, as its document says,", Serial, func() {
	remains := func(ctx context.Context, s *scene.Scene) string {
		all := sh(ctx, "kubectl get crd,clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings,"+
			"mutatingadmissionpolicies,mutatingadmissionpolicybindings,flowschemas,prioritylevelconfigurations,leases,services,endpointslices -A -o name | grep -e zen -e web || true")
		var p corev1.Pod
		Expect(s.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: "a"}, &p)).To(Succeed())
		if p.Labels["zen-lead/role"] != "" || p.Annotations["zen-lead/role"] != "" {
			all += "a role on pod a\n"
		}
		return all
	}
	// again puts it back for the specs that follow.
	again := func(ctx context.Context) {
		Eventually(ctx, func(ctx context.Context) error {
			return scene.ClientOf(c.RESTConfig()).Get(ctx, client.ObjectKey{Name: zenlead.Namespace}, &corev1.Namespace{})
		}).Should(MatchError(ContainSubstring("not found")))
		Expect(zenlead.Install(ctx, c)).To(Succeed())
	}

	It("leaves nothing", func(ctx context.Context) {
		s := scene.New(ctx, c)
		controller := start(ctx, zenlead.Options{})
		pool(ctx, s)
		steps := commands("## Remove")
		sh(ctx, steps[0])
		Eventually(ctx, func(ctx context.Context) string {
			return sh(ctx, steps[1]+" -o jsonpath={.items[*].spec.holderIdentity}")
		}).Should(BeEmpty())
		Eventually(ctx, func(ctx context.Context) map[string]string { return scene.Read(ctx, s, "a", &corev1.Pod{}).Labels }).ShouldNot(HaveKey("zen-lead/role"))
		Expect(controller.Kill()).To(Succeed())
		defer again(ctx)
		sh(ctx, steps[2])
		sh(ctx, steps[3])
		Eventually(ctx, func(ctx context.Context) string { return remains(ctx, s) }).Should(BeEmpty())
	}, limit)

	It("leaves nothing either where the controller is gone already", func(ctx context.Context) {
		s := scene.New(ctx, c)
		controller := start(ctx, zenlead.Options{})
		pool(ctx, s)
		Expect(controller.Kill()).To(Succeed())
		defer again(ctx)
		for _, step := range commands("Without it:") {
			sh(ctx, step)
		}
		Eventually(ctx, func(ctx context.Context) string { return remains(ctx, s) }).Should(BeEmpty())
	}, limit)
})
