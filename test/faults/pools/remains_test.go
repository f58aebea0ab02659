package pools_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

var _ = Describe("A selector that is added to the leader Service", func() {
	It("is taken off, and what the built-in controllers made of it meanwhile is removed", func(ctx context.Context) {
		s := scene.New(ctx, c)
		controller := start(ctx, zenlead.Options{})
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace}} // the built-in controllers pass over pods without
		Expect(s.Create(ctx, node)).To(Succeed())
		s.Policy(ctx, "web")
		for _, pod := range []string{"a", "b", "c"} {
			s.Pod(ctx, pod, "web", scene.OnNode(node.Name))
		}
		before := s.Leads(ctx, "web", "a")
		Expect(controller.Kill()).To(Succeed()) // so that they have the time
		for _, pod := range []string{"a", "b", "c"} {
			s.SetLabel(ctx, pod, "app", "web")
		}
		before.Service.Spec.Selector = map[string]string{"app": "web"}
		Expect(s.Update(ctx, before.Service)).To(Succeed())

		// traffic lists whom the slices of the Service send traffic to.
		traffic := func(ctx context.Context) (pods []string) {
			var list discoveryv1.EndpointSliceList
			Expect(s.List(ctx, &list, client.InNamespace(s.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: before.Service.Name})).To(Succeed())
			for _, slice := range list.Items {
				for _, e := range slice.Endpoints {
					pods = append(pods, e.TargetRef.Name)
				}
			}
			return pods
		}
		Eventually(ctx, traffic).Should(ContainElements("b", "c"), "the built-in controllers have mixed followers in")
		//nolint:staticcheck // the deprecated kind is what is looked at
		endpoints := func(ctx context.Context) error {
			return s.Get(ctx, client.ObjectKeyFromObject(before.Service), &corev1.Endpoints{})
		}
		Eventually(ctx, endpoints).Should(Succeed())

		start(ctx, zenlead.Options{})
		Eventually(ctx, traffic).Should(ConsistOf("a"))
		s.Leads(ctx, "web", "a")
		Consistently(ctx, traffic).Should(ConsistOf("a"))
	}, limit)
})
