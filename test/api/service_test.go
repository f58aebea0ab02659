package api_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

var _ = Describe("The leader Service", func() {
	var s *scene.Scene
	BeforeEach(func(ctx context.Context) { s = scene.New(ctx, c) })

	withService := func(service v1alpha1.LeaderService) func(*v1alpha1.LeaderPolicy) {
		return func(p *v1alpha1.LeaderPolicy) { p.Spec.Service = &service }
	}
	// ports writes "name port" of a Service and of its slice.
	ports := func(state scene.State) (service map[string]int32, slice map[string]int32) {
		service, slice = map[string]int32{}, map[string]int32{}
		for _, p := range state.Service.Spec.Ports {
			service[p.Name] = p.Port
		}
		for _, p := range state.Slices[0].Ports {
			slice[*p.Name] = *p.Port
		}
		return service, slice
	}
	absent := func(ctx context.Context, name string) {
		GinkgoHelper()
		Eventually(ctx, func(ctx context.Context) error {
			return s.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: name}, &corev1.Service{})
		}).Should(MatchError(ContainSubstring("not found")))
	}
	slicesOf := func(ctx context.Context) []discoveryv1.EndpointSlice {
		GinkgoHelper()
		var list discoveryv1.EndpointSliceList
		Expect(s.List(ctx, &list, client.InNamespace(s.Namespace))).To(Succeed())
		return list.Items
	}

	It("is <policy>-leader, a ClusterIP without selector, with the leader as its only endpoint", func(ctx context.Context) {
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		s.Pod(ctx, "b", "web")
		state := s.Leads(ctx, "web", "a")
		Expect(state.Service.Name).To(Equal("web-leader"))
		Expect(state.Service.Spec.Type).To(Equal(corev1.ServiceTypeClusterIP))
		Expect(state.Service.Spec.ClusterIP).NotTo(BeElementOf("", corev1.ClusterIPNone))
		Expect(state.Slices).To(HaveLen(1))
		Expect(state.Slices[0].Labels).To(HaveKeyWithValue(discoveryv1.LabelManagedBy, "zen-lead.kube-zen.io"))
	}, limit)

	It("has the name that the policy gives it", func(ctx context.Context) {
		s.Policy(ctx, "web", withService(v1alpha1.LeaderService{Name: "boss"}))
		s.Pod(ctx, "a", "web")
		Expect(s.Leads(ctx, "web", "a").Service.Name).To(Equal("boss"))
		absent(ctx, "web-leader")
	}, limit)

	It("is not made where it is disabled, and removed when it is disabled later", func(ctx context.Context) {
		s.Policy(ctx, "off", withService(v1alpha1.LeaderService{Disabled: true}))
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		s.Pod(ctx, "b", "off")
		s.Leads(ctx, "web", "a")
		s.Leads(ctx, "off", "b")
		absent(ctx, "off-leader")
		p := scene.Read(ctx, s, "web", &v1alpha1.LeaderPolicy{})
		p.Spec.Service = &v1alpha1.LeaderService{Disabled: true}
		Expect(s.Update(ctx, p)).To(Succeed())
		absent(ctx, "web-leader")
		Eventually(ctx, func(ctx context.Context) []discoveryv1.EndpointSlice { return slicesOf(ctx) }).Should(BeEmpty())
		s.Leads(ctx, "web", "a")
	}, limit)

	It("moves with its name: the old one is removed", func(ctx context.Context) {
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		before := s.Leads(ctx, "web", "a")
		p := scene.Read(ctx, s, "web", &v1alpha1.LeaderPolicy{})
		p.Spec.Service = &v1alpha1.LeaderService{Name: "boss"}
		Expect(s.Update(ctx, p)).To(Succeed())
		absent(ctx, "web-leader")
		after := s.Leads(ctx, "web", "a")
		Expect(after.Service.Name).To(Equal("boss"))
		Expect(after.Term).To(Equal(before.Term))
		Eventually(ctx, func(ctx context.Context) []discoveryv1.EndpointSlice { return slicesOf(ctx) }).Should(HaveLen(1))
	}, limit)

	It("has the container ports of the first leader: their names, or port-<number>", func(ctx context.Context) {
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web", scene.Ports(
			corev1.ContainerPort{Name: "http", ContainerPort: 8080}, corev1.ContainerPort{ContainerPort: 9090}))
		service, slice := ports(s.Leads(ctx, "web", "a"))
		Expect(service).To(Equal(map[string]int32{"http": 8080, "port-9090": 9090}))
		Expect(slice).To(Equal(service))
	}, limit)

	It("keeps its ports when another leader has other numbers under the same names", func(ctx context.Context) {
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		s.Leads(ctx, "web", "a")
		s.Pod(ctx, "b", "web", scene.Ports(corev1.ContainerPort{Name: "http", ContainerPort: 9999}))
		s.DeletePod(ctx, "a")
		service, slice := ports(s.Leads(ctx, "web", "b"))
		Expect(service).To(Equal(map[string]int32{"http": 8080}))
		Expect(slice).To(Equal(map[string]int32{"http": 9999}))
	}, limit)

	It("is headless where the pod has no ports", func(ctx context.Context) {
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web", scene.Ports())
		state := s.Leads(ctx, "web", "a")
		Expect(state.Service.Spec.ClusterIP).To(Equal(corev1.ClusterIPNone))
		Expect(state.Slices[0].Labels).To(HaveKey(corev1.IsHeadlessService))
	}, limit)

	It("has the ports that the policy declares, and follows changes of them", func(ctx context.Context) {
		named, number := intstr.FromString("metrics"), intstr.FromInt32(8081)
		s.Policy(ctx, "web", withService(v1alpha1.LeaderService{Ports: []v1alpha1.LeaderServicePort{
			{Name: "m", Port: 80, TargetPort: &named}, {Name: "n", Port: 81, TargetPort: &number}, {Name: "o", Port: 8082},
		}}))
		s.Pod(ctx, "a", "web", scene.Ports(corev1.ContainerPort{Name: "metrics", ContainerPort: 9090}))
		service, slice := ports(s.Leads(ctx, "web", "a"))
		Expect(service).To(Equal(map[string]int32{"m": 80, "n": 81, "o": 8082}))
		Expect(slice).To(Equal(map[string]int32{"m": 9090, "n": 8081, "o": 8082}))

		p := scene.Read(ctx, s, "web", &v1alpha1.LeaderPolicy{})
		p.Spec.Service.Ports = p.Spec.Service.Ports[:1]
		Expect(s.Update(ctx, p)).To(Succeed())
		Eventually(ctx, func(g Gomega) {
			service, slice := ports(s.Leads(ctx, "web", "a"))
			g.Expect(service).To(Equal(map[string]int32{"m": 80}))
			g.Expect(slice).To(Equal(map[string]int32{"m": 9090}))
		}).Should(Succeed())
	}, limit)

	It("is never taken from a stranger: the policy says so, until the stranger's is deleted", func(ctx context.Context) {
		strangers := &corev1.Service{ObjectMeta: s.Meta("web-leader"), Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": "shop"}, Ports: []corev1.ServicePort{{Port: 1}},
		}}
		Expect(s.Create(ctx, strangers)).To(Succeed())
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		conflict := func(ctx context.Context) string {
			state := s.Leads(ctx, "web", "a")
			if condition := state.Condition(v1alpha1.ConditionServiceConflict); condition != nil {
				return condition.Message
			}
			return ""
		}
		Eventually(ctx, conflict).Should(And(ContainSubstring("web-leader"), ContainSubstring("spec.service.name")))
		now := scene.Read(ctx, s, "web-leader", &corev1.Service{})
		Expect(now.ResourceVersion).To(Equal(strangers.ResourceVersion), "the stranger's Service was written")
		Expect(slicesOf(ctx)).To(BeEmpty(), "a slice would send the stranger's traffic to the leader")

		Expect(s.Delete(ctx, strangers)).To(Succeed())
		Eventually(ctx, conflict).Should(BeEmpty())
		Expect(s.Leads(ctx, "web", "a").Service.UID).NotTo(Equal(strangers.UID))
	}, limit)
})
