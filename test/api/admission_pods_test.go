package api_test

import (
	"context"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

var _ = Describe("Admission of pods", func() {
	var s *scene.Scene
	BeforeEach(func(ctx context.Context) { s = scene.New(ctx, c) })

	DescribeTable("refuses an annotation that cannot name a policy, and says which", func(ctx context.Context, value string) {
		err := s.Create(ctx, s.NewPod("a", value))
		Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%v", err)
		Expect(err).To(MatchError(And(ContainSubstring("metadata.annotations[zen-lead/pool]"), ContainSubstring(value))))
		// and on a pod that is there
		s.Pending(ctx, "b", "web")
		err = s.Patch(ctx, &corev1.Pod{ObjectMeta: s.Meta("b")}, scene.MetadataPatch("annotations", v1alpha1.PoolAnnotation, value))
		Expect(err).To(MatchError(ContainSubstring("metadata.annotations[zen-lead/pool]")))
	},
		Entry("capital letters", limit, "Web"),
		Entry("a dot", limit, "web.shop"),
		Entry("a digit first", limit, "1web"),
		Entry("a dash last", limit, "web-"),
		Entry("too long", limit, "a123456789012345678901234567890123456789012345678901234567890123"),
	)

	It("copies the annotation to the label, at creation and when it changes, and removes both together", func(ctx context.Context) {
		label := func() map[string]string { return scene.Read(ctx, s, "a", &corev1.Pod{}).Labels }
		withoutController(ctx, func() { // nobody else does it
			s.Pending(ctx, "a", "web")
			Expect(label()).To(HaveKeyWithValue(v1alpha1.PoolLabel, "web"))
			s.SetAnnotation(ctx, "a", v1alpha1.PoolAnnotation, "shop")
			Expect(label()).To(HaveKeyWithValue(v1alpha1.PoolLabel, "shop"))
			s.SetLabel(ctx, "a", v1alpha1.PoolLabel, "web")
			Expect(label()).To(HaveKeyWithValue(v1alpha1.PoolLabel, "shop"), "the annotation is the truth")
			s.SetAnnotation(ctx, "a", v1alpha1.PoolAnnotation, "")
			Expect(label()).NotTo(HaveKey(v1alpha1.PoolLabel))
		})
	}, limit)

	It("lets a pod be updated that carried a wrong annotation before", func(ctx context.Context) {
		// Such a pod is older than zen-lead; here the policy is bound again after its creation.
		Expect(c.Kubectl(ctx, "delete", "validatingadmissionpolicybinding", "zen-lead-pool-name")).Error().NotTo(HaveOccurred())
		defer func() { Expect(zenlead.Install(ctx, c)).To(Succeed()) }()
		Eventually(ctx, func(ctx context.Context) error { return s.Create(ctx, s.NewPod("a", "Not_A_Name")) }).Should(Succeed())
		Expect(zenlead.Install(ctx, c)).To(Succeed())
		s.SetLabel(ctx, "a", "app", "web")
		Expect(scene.Read(ctx, s, "a", &corev1.Pod{}).Labels).To(Equal(map[string]string{"app": "web"}))
	}, limit)

	It("keeps zen-lead's account to its own labels and annotations", func(ctx context.Context) {
		s.Pod(ctx, "a", "web")
		kubeconfig := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
		Expect(c.KubeconfigFor(ctx, zenlead.Namespace, zenlead.Account, kubeconfig)).To(Succeed())
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		Expect(err).NotTo(HaveOccurred())
		account := scene.ClientOf(config)
		patch := func(body string) error {
			return account.Patch(ctx, &corev1.Pod{ObjectMeta: s.Meta("a")}, client.RawPatch(types.StrategicMergePatchType, []byte(body)))
		}
		for what, body := range map[string]string{
			"image":           `{"spec":{"containers":[{"name":"app","image":"evil.invalid/app"}]}}`,
			"labels":          `{"metadata":{"labels":{"app":"shop"}}}`,
			"annotations":     `{"metadata":{"annotations":{"example.com/a":"b"}}}`,
			"ownerReferences": `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n","uid":"u"}]}}`,
			"finalizers":      `{"metadata":{"finalizers":["example.com/never"]}}`,
		} {
			err := patch(body)
			Expect(apierrors.IsInvalid(err) || apierrors.IsForbidden(err)).To(BeTrue(), "%s: %v", what, err)
			Expect(err).To(MatchError(ContainSubstring("zen-lead may")), what)
		}
		s.SetLabel(ctx, "a", "app", "web")
		Expect(patch(`{"metadata":{"labels":{"app":null}}}`)).To(MatchError(ContainSubstring("labels of its own")))
		Expect(patch(`{"metadata":{"annotations":{"controller.kubernetes.io/pod-deletion-cost":"1"}}}`)).To(Succeed())
		Expect(account.Delete(ctx, &corev1.Pod{ObjectMeta: s.Meta("a")})).To(MatchError(ContainSubstring("forbidden")))
		Expect(account.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: "none"}, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{}})).
			To(MatchError(ContainSubstring("forbidden")))
	}, limit)
})
