package api_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/lead"
	"github.com/kube-zen/zen-lead/core/term"
	"github.com/kube-zen/zen-lead/integrations/kubebuilder"
	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/guide"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// writer updates the ConfigMap "settings" of a scene, by one kind of client.
type writer func(ctx context.Context, config *rest.Config, s *scene.Scene, data string) error

// settings is the ConfigMap as it is to be.
func settings(s *scene.Scene, data string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: s.Meta("settings"), Data: map[string]string{"data": data},
	}
}

func byTyped(ctx context.Context, config *rest.Config, s *scene.Scene, data string) error {
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	_, err = typed.CoreV1().ConfigMaps(s.Namespace).Update(ctx, settings(s, data), metav1.UpdateOptions{})
	return err
}

func byDynamic(ctx context.Context, config *rest.Config, s *scene.Scene, data string) error {
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "settings"}, "data": map[string]any{"data": data},
	}}
	_, err = dyn.Resource(corev1.SchemeGroupVersion.WithResource("configmaps")).Namespace(s.Namespace).
		Apply(ctx, "settings", o, metav1.ApplyOptions{FieldManager: "test", Force: true})
	return err
}

func byControllerRuntime(ctx context.Context, config *rest.Config, s *scene.Scene, data string) error {
	c, err := client.New(config, client.Options{})
	if err != nil {
		return err
	}
	return c.Patch(ctx, settings(s, data), client.MergeFrom(&corev1.ConfigMap{ObjectMeta: s.Meta("settings")}))
}

var _ = Describe("kube.Fence", func() {
	var s *scene.Scene
	var m *members
	// begin has the next member lead.
	begin := func(ctx context.Context) work {
		GinkgoHelper()
		m.contend(ctx, account(ctx, s), s.Namespace)
		return m.next(ctx)
	}
	// end has a member return, and its term be released.
	end := func(ctx context.Context, w work) {
		GinkgoHelper()
		w.result <- nil
		Eventually(ctx, m.results).Should(Receive(BeNil()))
	}
	BeforeEach(func(ctx context.Context) {
		s = scene.New(ctx, c)
		s.Policy(ctx, "web", func(p *v1alpha1.LeaderPolicy) { p.Spec.Mode = v1alpha1.ModeParticipant })
		s.MayContend(ctx)
		m = newMembers("web")
		Expect(s.Create(ctx, settings(s, ""))).To(Succeed())
	})
	data := func(ctx context.Context) string {
		GinkgoHelper()
		return scene.Read(ctx, s, "settings", &corev1.ConfigMap{}).Data["data"]
	}

	DescribeTable("lets a client write in its term, and not after it", func(ctx context.Context, write writer, opts ...kube.FenceOption) {
		w := begin(ctx)
		fenced := kube.Fence(s.Config, w.term, opts...)
		Expect(write(ctx, fenced, s, "in its term")).To(Succeed())
		end(ctx, w)
		err := write(ctx, fenced, s, "after it")
		Expect(err).To(MatchError(kube.ErrNotSent))
		Expect(err).To(MatchError(lead.ErrReleased))
		Expect(data(ctx)).To(Equal("in its term"))
		Expect(scene.ClientOf(fenced).Get(ctx, client.ObjectKeyFromObject(settings(s, "")), &corev1.ConfigMap{})).To(Succeed())
	},
		Entry("a typed one", byTyped, limit),
		Entry("a dynamic one", byDynamic, limit),
		Entry("one of controller-runtime", byControllerRuntime, limit),
		Entry("a typed one that stamps", byTyped, kube.StampTerm(), limit),
		Entry("a dynamic one that stamps", byDynamic, kube.StampTerm(), limit),
		Entry("one of controller-runtime that stamps", byControllerRuntime, kube.StampTerm(), limit),
	)

	DescribeTable("stamps the term, so that the API server refuses what comes late", func(ctx context.Context, write writer) {
		fenceByTerm(ctx, s)
		former := begin(ctx)
		network := newNetwork(s.Config)
		stamped := kube.Fence(network.config, former.term, kube.StampTerm())
		Expect(write(ctx, stamped, s, "of the former term")).To(Succeed())

		network.holdBack()
		late := make(chan error, 1)
		go func() { late <- write(ctx, stamped, s, "late") }()
		Eventually(ctx, network.held).Should(Receive())
		end(ctx, former)
		present := begin(ctx)
		Expect(write(ctx, kube.Fence(s.Config, present.term, kube.StampTerm()), s, "of the present term")).To(Succeed())
		close(network.arrives)
		Eventually(ctx, late).Should(Receive(MatchError(ContainSubstring("metadata.annotations[zen-lead/fence]: term " +
			kube.FormatTerm(termOf(former)) + " is over: the object was written in term " + kube.FormatTerm(termOf(present))))))
		Expect(data(ctx)).To(Equal("of the present term"))
		end(ctx, present)
	},
		Entry("by a typed client", byTyped, limit),
		Entry("by a dynamic one", byDynamic, limit),
		Entry("by one of controller-runtime", byControllerRuntime, limit),
	)

	It("does not stamp the status of a custom resource: its API ignores annotations there", func(ctx context.Context) {
		w := begin(ctx)
		stamping := scene.ClientOf(kube.Fence(s.Config, w.term, kube.StampTerm()))
		policy := scene.Read(ctx, s, "web", &v1alpha1.LeaderPolicy{})
		Expect(stamping.Status().Patch(ctx, policy, client.RawPatch(types.MergePatchType, []byte(`{}`)))).To(Succeed())
		Expect(policy.Annotations).NotTo(HaveKey(v1alpha1.FenceAnnotation))
		Expect(stamping.Patch(ctx, policy, client.RawPatch(types.MergePatchType, []byte(`{}`)))).To(Succeed())
		Expect(policy.Annotations).To(HaveKeyWithValue(v1alpha1.FenceAnnotation, kube.FormatTerm(termOf(w))))
		end(ctx, w)
	}, limit)

	It("has a policy that is about stamps alone, and keeps them", func(ctx context.Context) {
		fenceByTerm(ctx, s)
		set := func(value string) error {
			o := &corev1.ConfigMap{ObjectMeta: s.Meta("settings")}
			return s.Patch(ctx, o, scene.MetadataPatch("annotations", v1alpha1.FenceAnnotation, value))
		}
		Expect(byTyped(ctx, s.Config, s, "without stamp")).To(Succeed())
		Expect(set("x")).To(MatchError(ContainSubstring("must be a term")))
		Expect(set("10")).To(Succeed())
		Expect(byControllerRuntime(ctx, s.Config, s, "somebody else's")).To(Succeed(), "the stamp stays")
		Expect(set("9")).To(MatchError(ContainSubstring("term 9 is over: the object was written in term 10")))
		Expect(set("11")).To(Succeed())
		Expect(byTyped(ctx, s.Config, s, "without stamp")).To(MatchError(ContainSubstring("may not be removed")))
		Expect(s.Delete(ctx, settings(s, ""))).To(Succeed())

		pod := s.Pod(ctx, "web-0", "web", scene.Annotate(v1alpha1.FenceAnnotation, "10"))
		before := pod.DeepCopy()
		pod.Annotations[v1alpha1.FenceAnnotation], pod.Status.Message = "9", "late"
		Expect(s.Status().Patch(ctx, pod, client.MergeFrom(before))).To(MatchError(ContainSubstring("term 9 is over")), "a status carries annotations too")
	}, limit)
})

var _ = Describe("The commands of the guide to fencing", func() {
	It("raise the fence, and are refused in an older term", func(ctx context.Context) {
		s := scene.New(ctx, c)
		fenceByTerm(ctx, s)
		result := &corev1.ConfigMap{ObjectMeta: s.Meta("result")}
		Expect(s.Create(ctx, result.DeepCopy())).To(Succeed())
		all, err := guide.Blocks("../..", "docs/guides/fencing.md")
		Expect(err).NotTo(HaveOccurred())
		var commands []string
		for _, block := range all {
			if raise, patch, ok := strings.Cut(block, "\n"); ok && strings.HasPrefix(raise, "kubectl annotate") {
				commands = []string{raise, patch}
			}
		}
		Expect(commands).To(HaveLen(2))
		kubectl, err := cluster.BuildKubectl(ctx, GinkgoWriter)
		Expect(err).NotTo(HaveOccurred())
		kubeconfig := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
		admin, err := os.ReadFile(c.Kubeconfig)
		Expect(err).NotTo(HaveOccurred())
		Expect(os.WriteFile(kubeconfig, admin, 0o600)).To(Succeed())
		inNamespace(kubeconfig, s.Namespace)
		// in runs a command in a term, as zen-lead run does.
		in := func(term, command string) (string, error) {
			shell := exec.CommandContext(ctx, "bash", "-c", command)
			shell.Env = append(os.Environ(), "PATH="+filepath.Dir(kubectl)+":"+os.Getenv("PATH"), "KUBECONFIG="+kubeconfig, "KUBERC=off", "ZEN_LEAD_TERM="+term)
			said, err := shell.CombinedOutput()
			return string(said), err
		}
		passes := func(term, command string) {
			GinkgoHelper()
			said, err := in(term, command)
			Expect(err).NotTo(HaveOccurred(), "%s", said)
		}
		raise, patch := commands[0], commands[1]
		passes("412", raise)
		passes("412", patch)
		passes("415", raise)
		for _, command := range commands {
			said, err := in("412", command)
			Expect(err).To(MatchError("exit status 1"))
			Expect(said).To(ContainSubstring("metadata.annotations[zen-lead/fence]: term 412 is over: the object was written in term 415"))
		}
		passes("415", patch)
		got := scene.Read(ctx, s, "result", &corev1.ConfigMap{})
		Expect(got.Data).To(Equal(map[string]string{"state": "done"}))
		Expect(got.Annotations).To(HaveKeyWithValue(v1alpha1.FenceAnnotation, "415"))
	}, limit)
})

var _ = Describe("kubebuilder.Election.Fence", func() {
	It("lets a manager's client write in terms alone", func(ctx context.Context) {
		s := scene.New(ctx, c)
		s.Policy(ctx, "operator", func(p *v1alpha1.LeaderPolicy) { p.Spec.Mode = v1alpha1.ModeParticipant })
		s.MayContend(ctx)
		mayWriteConfigMaps(ctx, s)
		config := account(ctx, s)
		election := kubebuilder.NewElection("operator", lead.WithConfig(config), lead.WithNamespace(s.Namespace))
		manager, err := ctrl.NewManager(election.Fence(config, kube.StampTerm()), ctrl.Options{Metrics: metricsserver.Options{BindAddress: "0"}})
		Expect(err).NotTo(HaveOccurred())
		works := make(chan context.Context, 1)
		election.Work(func(ctx context.Context, _ lead.Term) error {
			works <- ctx
			<-ctx.Done()
			// What is written last is of the term, too.
			return manager.GetClient().Create(context.WithoutCancel(ctx), &corev1.ConfigMap{ObjectMeta: s.Meta("last")})
		})
		Expect(manager.Add(election)).To(Succeed())
		err = manager.GetClient().Create(ctx, settings(s, ""))
		Expect(err).To(And(MatchError(kube.ErrNotSent), MatchError(lead.ErrLost)), "no term has begun")

		running, stop := context.WithCancel(ctx)
		DeferCleanup(stop)
		ended := make(chan error, 1)
		go func() { ended <- manager.Start(running) }()
		var inTerm context.Context
		Eventually(ctx, works).Should(Receive(&inTerm))
		held, ok := kubebuilder.TermFrom(inTerm)
		Expect(ok).To(BeTrue())
		Expect(manager.GetClient().Create(ctx, settings(s, ""))).To(Succeed(), "it is in a term, though the context does not say so")
		Expect(byControllerRuntime(inTerm, manager.GetConfig(), s, "in its term")).To(Succeed())
		stop()
		Eventually(ctx, ended).Should(Receive(BeNil()))
		for _, name := range []string{"settings", "last"} {
			Expect(scene.Read(ctx, s, name, &corev1.ConfigMap{}).Annotations).To(HaveKeyWithValue(v1alpha1.FenceAnnotation, kube.FormatTerm(termOf(work{term: held}))))
		}

		err = manager.GetClient().Delete(ctx, settings(s, ""))
		Expect(err).To(And(MatchError(kube.ErrNotSent), MatchError(lead.ErrLost)), "the term is over")
		err = manager.GetClient().Delete(context.WithoutCancel(inTerm), settings(s, ""))
		Expect(err).To(And(MatchError(kube.ErrNotSent), MatchError(lead.ErrReleased)), "that term is over")
	}, limit)
})

func termOf(w work) term.Number { return term.Number(w.term.Number) }

// mayWriteConfigMaps gives the account of a scene that right.
func mayWriteConfigMaps(ctx context.Context, s *scene.Scene) {
	GinkgoHelper()
	Expect(s.Create(ctx, &rbacv1.Role{ObjectMeta: s.Meta("writes"), Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get", "create", "update", "patch", "delete"}},
	}})).To(Succeed())
	Expect(s.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: s.Meta("writes"), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "writes"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: "default"}},
	})).To(Succeed())
}

// fenceByTerm installs the policy of the examples, until the spec ends, and waits until it acts.
func fenceByTerm(ctx context.Context, s *scene.Scene) {
	GinkgoHelper()
	const policy = "../../examples/fencing/kubernetes/policy.yaml"
	_, err := c.Kubectl(ctx, "apply", "-f", policy)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func(ctx context.Context) {
		_, err := c.Kubectl(ctx, "delete", "-f", policy)
		Expect(err).NotTo(HaveOccurred())
	})
	probe := settings(s, "")
	probe.Name, probe.Annotations = "probe", map[string]string{v1alpha1.FenceAnnotation: "no term"}
	Eventually(ctx, func() error { return s.Create(ctx, probe.DeepCopy(), client.DryRunAll) }).Should(MatchError(ContainSubstring("must be a term")))
}
