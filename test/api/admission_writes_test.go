package api_test

import (
	"context"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

var _ = Describe("Admission of what zen-lead writes on policies", func() {
	It("lets its account take a request for a handover off, and nothing else", func(ctx context.Context) {
		s := scene.New(ctx, c)
		kubeconfig := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
		Expect(c.KubeconfigFor(ctx, zenlead.Namespace, zenlead.Account, kubeconfig)).To(Succeed())
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		Expect(err).NotTo(HaveOccurred())
		account := scene.ClientOf(config)
		patch := func(body string) error {
			return account.Patch(ctx, &v1alpha1.LeaderPolicy{ObjectMeta: s.Meta("web")}, client.RawPatch(types.MergePatchType, []byte(body)))
		}
		withoutController(ctx, func() { // nobody else takes it off
			s.Policy(ctx, "web", func(p *v1alpha1.LeaderPolicy) {
				p.Annotations = map[string]string{v1alpha1.HandoverAnnotation: "a", "example.com/note": "mine"}
				p.Labels = map[string]string{"app": "web"}
			})
			for what, body := range map[string]string{
				"spec":                `{"spec":{"paused":true}}`,
				"labels":              `{"metadata":{"labels":{"app":"shop"}}}`,
				"a new annotation":    `{"metadata":{"annotations":{"zen-lead/new":"b"}}}`,
				"another annotation":  `{"metadata":{"annotations":{"example.com/note":null}}}`,
				"the request, edited": `{"metadata":{"annotations":{"zen-lead/handover":"b"}}}`,
				"finalizers":          `{"metadata":{"finalizers":["example.com/never"]}}`,
				"ownerReferences":     `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n","uid":"u"}]}}`,
			} {
				Expect(patch(body)).To(MatchError(ContainSubstring("zen-lead may change nothing of a LeaderPolicy but")), what)
			}
			Expect(patch(`{"metadata":{"annotations":{"zen-lead/handover":null}}}`)).To(Succeed())
			Expect(account.Update(ctx, scene.Read(ctx, s, "web", &v1alpha1.LeaderPolicy{}))).To(MatchError(ContainSubstring("forbidden")), "it may patch, and not replace")
		})
	}, limit)
})
