package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// kubectlZenlead runs the plugin as people do: kubectl finds it on the PATH.
type kubectlZenlead struct {
	kubectl, dir, namespace string
}

// plugin is the folder of the plugin; "" before the first spec that builds it.
var plugin string

func newPlugin(ctx context.Context, s *scene.Scene) kubectlZenlead {
	GinkgoHelper()
	if plugin == "" {
		root, err := zenlead.Root()
		Expect(err).NotTo(HaveOccurred())
		dir := filepath.Join(c.Dir, "plugin")
		said, err := exec.CommandContext(ctx, "go", "-C", root, "build", "-o", dir+"/", "./controller/cmd/kubectl-zenlead").CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), string(said))
		plugin = dir
	}
	dir := GinkgoT().TempDir()
	Expect(os.Symlink(filepath.Join(plugin, "kubectl-zenlead"), filepath.Join(dir, "kubectl-zenlead"))).To(Succeed())
	kubectl, err := cluster.BuildKubectl(ctx, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	return kubectlZenlead{kubectl: kubectl, dir: dir, namespace: s.Namespace}
}

func (k kubectlZenlead) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, k.kubectl, append(append([]string{"zenlead"}, args...), "-n", k.namespace)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig, "PATH="+k.dir+":"+os.Getenv("PATH"), "KUBECACHEDIR="+filepath.Join(k.dir, "cache"))
	return cmd
}

func (k kubectlZenlead) run(ctx context.Context, args ...string) (string, error) {
	said, err := k.command(ctx, args...).CombinedOutput()
	return string(said), err
}

var _ = Describe("kubectl zenlead", func() {
	It("shows who leads and why, hands over, pauses and resumes", func(ctx context.Context) {
		s := scene.New(ctx, c)
		k := newPlugin(ctx, s)
		Expect(k.run(ctx, "status")).To(HavePrefix("There is no pool here"))
		s.Policy(ctx, "web")
		for _, name := range []string{"a", "b"} {
			s.Pod(ctx, name, "web")
		}
		s.Pending(ctx, "c", "web")
		s.Leads(ctx, "web", "a")
		Expect(k.run(ctx, "status", "web")).To(And(
			MatchRegexp(`(?m)^web +Stable +2/3 `), MatchRegexp(`(?m)^├─ a +leader +yes .* leads *$`),
			MatchRegexp(`(?m)^├─ b +follower +yes .* leads next *$`), MatchRegexp(`(?m)^└─ c +follower +no .* may not lead: it is not ready *$`)))
		said, err := k.run(ctx, "status", "-o", "json")
		Expect(err).NotTo(HaveOccurred())
		var report struct {
			Pools []struct {
				Name, Leader string
				Members      []struct{ Name, Role string }
			}
		}
		Expect(json.Unmarshal([]byte(said), &report)).To(Succeed())
		Expect(report.Pools).To(HaveLen(1))
		Expect(report.Pools[0].Leader).To(Equal("a"))
		Expect(report.Pools[0].Members).To(HaveLen(3))

		Expect(k.run(ctx, "handover", "web", "b")).To(HavePrefix("b: leads in term "))
		s.Leads(ctx, "web", "b")
		said, err = k.run(ctx, "handover", "web", "c")
		Expect(err).To(HaveOccurred())
		Expect(said).To(HavePrefix("Error: c: not handed over: it is not ready"))

		Expect(k.run(ctx, "pause", "web")).To(HavePrefix("web is paused"))
		Expect(scene.Read(ctx, s, "web", &v1alpha1.LeaderPolicy{}).Spec.Paused).To(BeTrue())
		Expect(k.run(ctx, "status")).To(ContainSubstring("paused: nothing moves until kubectl zenlead resume web"))
		Expect(k.run(ctx, "resume", "web")).To(Equal("web moves again\n"))
		Expect(scene.Read(ctx, s, "web", &v1alpha1.LeaderPolicy{}).Spec.Paused).To(BeFalse())
	}, limit)

	It("says what to do about a mistake", func(ctx context.Context) {
		s := scene.New(ctx, c)
		k := newPlugin(ctx, s)
		for _, args := range [][]string{{"status", "wbe"}, {"handover", "wbe", "a"}, {"pause", "wbe"}} {
			said, err := k.run(ctx, args...)
			Expect(err).To(HaveOccurred())
			Expect(said).To(ContainSubstring(`there is no pool "wbe" in namespace ` + s.Namespace + `: kubectl zenlead status -A lists all pools`))
		}
		withoutController(ctx, func() {
			s.Policy(ctx, "web")
			said, err := k.run(ctx, "handover", "web", "a")
			Expect(err).To(HaveOccurred())
			Expect(said).To(ContainSubstring("is a controller running?"))
		})
	}, limit)

	It("shows a pool again with each change", func(ctx context.Context) {
		s := scene.New(ctx, c)
		k := newPlugin(ctx, s)
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		s.Leads(ctx, "web", "a")
		var said bytes.Buffer
		watching, stop := context.WithCancel(ctx)
		cmd := k.command(watching, "status", "web", "-w")
		out, err := cmd.StdoutPipe()
		Expect(err).NotTo(HaveOccurred())
		Expect(cmd.Start()).To(Succeed())
		lines := make(chan string)
		go func() {
			defer close(lines)
			chunk := make([]byte, 4096)
			for {
				n, err := out.Read(chunk)
				said.Write(chunk[:n])
				if err != nil {
					return
				}
				lines <- said.String()
			}
		}()
		Eventually(ctx, lines).Should(Receive(ContainSubstring("└─ a")))
		s.Pod(ctx, "b", "web")
		Eventually(ctx, lines).Should(Receive(MatchRegexp(`└─ b +follower`)))
		stop()
		for range lines { // until the pipe is closed
		}
		_ = cmd.Wait() // it was killed
		Expect(strings.Count(said.String(), "POOL / MEMBER")).To(BeNumerically(">", 1))
	}, limit)

	It("completes pools and pods", func(ctx context.Context) {
		s := scene.New(ctx, c)
		k := newPlugin(ctx, s)
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		Expect(os.Symlink("kubectl-zenlead", filepath.Join(k.dir, "kubectl_complete-zenlead"))).To(Succeed())
		complete := func(args ...string) string { // as a shell asks kubectl
			cmd := exec.CommandContext(ctx, k.kubectl, append([]string{"__complete", "zenlead", "-n", s.Namespace}, args...)...)
			cmd.Env = k.command(ctx).Env
			said, err := cmd.Output()
			Expect(err).NotTo(HaveOccurred())
			return string(said)
		}
		Expect(complete("status", "")).To(HavePrefix("web\n"))
		Expect(complete("handover", "web", "")).To(HavePrefix("a\n"))
	}, limit)
})
