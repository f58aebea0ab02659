package api_test

import (
	"context"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// asAccount is a client of the controller's account.
func asAccount(ctx context.Context) client.Client {
	GinkgoHelper()
	kubeconfig := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
	Expect(c.KubeconfigFor(ctx, zenlead.Namespace, zenlead.Account, kubeconfig)).To(Succeed())
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	Expect(err).NotTo(HaveOccurred())
	return scene.ClientOf(config)
}

var _ = Describe("Admission of what zen-lead writes on Services, slices and Leases", func() {
	const notMade, notOurs = "zen-lead may write only Services and EndpointSlices that it made", "zen-lead may update only Leases of pools and of its replicas"

	It("keeps its account from those of others", func(ctx context.Context) {
		s := scene.New(ctx, c)
		account := asAccount(ctx)
		for _, o := range []client.Object{
			&corev1.Service{ObjectMeta: s.Meta("shop"), Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}},
			&discoveryv1.EndpointSlice{ObjectMeta: s.Meta("shop"), AddressType: discoveryv1.AddressTypeIPv4},
		} {
			Expect(account.Create(ctx, o)).To(MatchError(ContainSubstring(notMade)))
			Expect(s.Create(ctx, o)).To(Succeed())
			o.SetLabels(map[string]string{"app.kubernetes.io/managed-by": "zen-lead"})
			Expect(account.Update(ctx, o)).To(MatchError(ContainSubstring(notMade)), "the mark of before counts")
			Expect(account.Delete(ctx, o)).To(MatchError(ContainSubstring(notMade)))
		}
		lease := &coordinationv1.Lease{ObjectMeta: s.Meta("program"), Spec: coordinationv1.LeaseSpec{HolderIdentity: new("a")}}
		Expect(s.Create(ctx, lease)).To(Succeed())
		lease.Spec.HolderIdentity = new("b")
		Expect(account.Update(ctx, lease)).To(MatchError(ContainSubstring(notOurs)))
		replicas := &coordinationv1.Lease{ObjectMeta: s.Meta("zen-lead.replica")}
		Expect(s.Create(ctx, replicas)).To(Succeed())
		replicas.Spec.HolderIdentity = new("b")
		Expect(account.Update(ctx, replicas)).To(MatchError(ContainSubstring(notOurs)), "its replicas' Leases are in its own namespace")
	}, limit)
})

var _ = Describe("Admission of what zen-lead writes on policies", func() {
	It("lets its account write a request for a handover, take it off, and nothing else", func(ctx context.Context) {
		s := scene.New(ctx, c)
		account := asAccount(ctx)
		patch := func(body string) error {
			return account.Patch(ctx, &v1alpha1.LeaderPolicy{ObjectMeta: s.Meta("web")}, client.RawPatch(types.MergePatchType, []byte(body)))
		}
		withoutController(ctx, func() { // nobody else takes it off
			s.Policy(ctx, "web", func(p *v1alpha1.LeaderPolicy) {
				p.Annotations = map[string]string{v1alpha1.HandoverAnnotation: "a", "example.com/note": "mine"}
				p.Labels = map[string]string{"app": "web"}
			})
			for what, body := range map[string]string{
				"spec":               `{"spec":{"paused":true}}`,
				"labels":             `{"metadata":{"labels":{"app":"shop"}}}`,
				"a new annotation":   `{"metadata":{"annotations":{"zen-lead/new":"b"}}}`,
				"another annotation": `{"metadata":{"annotations":{"example.com/note":null}}}`,
				"finalizers":         `{"metadata":{"finalizers":["example.com/never"]}}`,
				"ownerReferences":    `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n","uid":"u"}]}}`,
			} {
				Expect(patch(body)).To(MatchError(ContainSubstring("zen-lead may change nothing of a LeaderPolicy but")), what)
			}
			Expect(patch(`{"metadata":{"annotations":{"zen-lead/handover":"b"}}}`)).To(Succeed())
			Expect(patch(`{"metadata":{"annotations":{"zen-lead/handover":null}}}`)).To(Succeed())
			Expect(patch(`{"metadata":{"annotations":{"zen-lead/handover":"c"}}}`)).To(Succeed())
			Expect(account.Update(ctx, scene.Read(ctx, s, "web", &v1alpha1.LeaderPolicy{}))).To(MatchError(ContainSubstring("forbidden")), "it may patch, and not replace")
		})
	}, limit)
})
