package pools_test

import (
	"context"
	"strconv"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// largest is the largest number that is a term, 2^53-1.
const largest = "9007199254740991"

var _ = Describe("What people edit by hand is repaired, without a new leader:", Ordered, func() {
	var s *scene.Scene
	BeforeAll(func(ctx context.Context) {
		s = scene.New(ctx, c)
		start(ctx, zenlead.Options{})
		pool(ctx, s)
	})

	annotate := func(pod, key, value string) func(context.Context, scene.State) client.Object {
		return func(ctx context.Context, _ scene.State) client.Object {
			p := &corev1.Pod{ObjectMeta: s.Meta(pod)}
			Expect(s.Patch(ctx, p, scene.MetadataPatch("annotations", key, value))).To(Succeed())
			return p
		}
	}
	label := func(pod, key, value string) func(context.Context, scene.State) client.Object {
		return func(ctx context.Context, _ scene.State) client.Object {
			p := &corev1.Pod{ObjectMeta: s.Meta(pod)}
			Expect(s.Patch(ctx, p, scene.MetadataPatch("labels", key, value))).To(Succeed())
			return p
		}
	}
	slice := func(edit func(*discoveryv1.EndpointSlice)) func(context.Context, scene.State) client.Object {
		return func(ctx context.Context, state scene.State) client.Object {
			edit(&state.Slices[0])
			Expect(s.Update(ctx, &state.Slices[0])).To(Succeed())
			return &state.Slices[0]
		}
	}
	service := func(edit func(*corev1.Service)) func(context.Context, scene.State) client.Object {
		return func(ctx context.Context, state scene.State) client.Object {
			edit(state.Service)
			Expect(s.Update(ctx, state.Service)).To(Succeed())
			return state.Service
		}
	}

	DescribeTable("on", func(ctx context.Context, edit func(context.Context, scene.State) client.Object) {
		before := s.Leads(ctx, "web", "a")
		edited := edit(ctx, before)
		Eventually(ctx, func(ctx context.Context) (string, error) { // something came after the edit
			o, ok := edited.DeepCopyObject().(client.Object)
			Expect(ok).To(BeTrue())
			err := s.Get(ctx, client.ObjectKeyFromObject(edited), o)
			return o.GetResourceVersion(), err
		}).ShouldNot(Equal(edited.GetResourceVersion()))
		after := s.Leads(ctx, "web", "a")
		Expect(after.Term).To(Equal(before.Term))
		Expect(after.Lease.ResourceVersion).To(Equal(before.Lease.ResourceVersion))
		Expect(after.Service.Spec.Type).To(Equal(corev1.ServiceTypeClusterIP))
	},
		Entry("the leader: the role label", limit, label("a", v1alpha1.RoleLabel, "follower")),
		Entry("the leader: no role label", limit, label("a", v1alpha1.RoleLabel, "")),
		Entry("the leader: the role annotation", limit, annotate("a", v1alpha1.RoleAnnotation, "boss")),
		Entry("the leader: no term", limit, annotate("a", v1alpha1.TermAnnotation, "")),
		Entry("the leader: a small term", limit, annotate("a", v1alpha1.TermAnnotation, "1")),
		Entry("the leader: a term that is too large", limit, annotate("a", v1alpha1.TermAnnotation, "9000000000000000000")),
		Entry("the leader: the largest term", limit, annotate("a", v1alpha1.TermAnnotation, largest)),
		Entry("a follower: the role label", limit, label("b", v1alpha1.RoleLabel, "leader")),
		Entry("a follower: the role annotation", limit, annotate("b", v1alpha1.RoleAnnotation, "leader")),
		Entry("a follower: a term that is too large", limit, annotate("b", v1alpha1.TermAnnotation, "9000000000000000000")),
		Entry("a follower: the largest term", limit, annotate("b", v1alpha1.TermAnnotation, largest)),
		Entry("a follower: a term that is no number", limit, annotate("b", v1alpha1.TermAnnotation, "soon")),
		Entry("the slice: another endpoint", limit, slice(func(e *discoveryv1.EndpointSlice) { e.Endpoints[0].Addresses = []string{"10.0.0.1"} })),
		Entry("the slice: no endpoint", limit, slice(func(e *discoveryv1.EndpointSlice) { e.Endpoints = nil })),
		Entry("the slice: a small term", limit, slice(func(e *discoveryv1.EndpointSlice) { e.Annotations[v1alpha1.TermAnnotation] = "1" })),
		Entry("the slice: the largest term", limit, slice(func(e *discoveryv1.EndpointSlice) { e.Annotations[v1alpha1.TermAnnotation] = largest })),
		Entry("the slice: no pool label", limit, slice(func(e *discoveryv1.EndpointSlice) { delete(e.Labels, v1alpha1.PoolLabel) })),
		Entry("the slice: no owner", limit, slice(func(e *discoveryv1.EndpointSlice) { e.OwnerReferences = nil })),
		Entry("the slice: another Service", limit, slice(func(e *discoveryv1.EndpointSlice) { e.Labels[discoveryv1.LabelServiceName] = "shop" })),
		Entry("the Service: no owner", limit, service(func(s *corev1.Service) { s.OwnerReferences = nil })),
		Entry("the Service: no labels", limit, service(func(s *corev1.Service) { s.Labels = nil })),
		Entry("the Service: another type", limit, service(func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeNodePort })),
	)

	DescribeTable("when they delete", func(ctx context.Context, victim func(scene.State) client.Object) {
		before := s.Leads(ctx, "web", "a")
		gone := victim(before)
		Expect(s.Delete(ctx, gone)).To(Succeed())
		Eventually(ctx, func(ctx context.Context) (string, error) {
			o, ok := gone.DeepCopyObject().(client.Object)
			Expect(ok).To(BeTrue())
			err := s.Get(ctx, client.ObjectKeyFromObject(gone), o)
			return string(o.GetUID()), err
		}).ShouldNot(Equal(string(gone.GetUID())))
		after := s.Leads(ctx, "web", "a")
		if _, isLease := gone.(*coordinationv1.Lease); isLease {
			Expect(after.Term).To(BeNumerically(">", before.Term))
		} else {
			Expect(after.Term).To(Equal(before.Term))
		}
	},
		Entry("the slice", limit, func(st scene.State) client.Object { return &st.Slices[0] }),
		Entry("the Service", limit, func(st scene.State) client.Object { return st.Service }),
		Entry("the Lease, which administrators may", limit, func(st scene.State) client.Object { return st.Lease }),
	)

	It("when they empty the Lease, its term does not shrink", func(ctx context.Context) {
		before := s.Leads(ctx, "web", "a")
		before.Lease.Spec.HolderIdentity = nil
		delete(before.Lease.Annotations, v1alpha1.HolderUIDAnnotation)
		Expect(s.Update(ctx, before.Lease)).To(Succeed())
		Eventually(ctx, func(ctx context.Context) int64 { return s.Leads(ctx, "web", "a").Term }).Should(BeNumerically(">", before.Term))
	}, limit)
})

var _ = Describe("A pool whose Lease is deleted together with a term written by hand", func() {
	DescribeTable("has a leader again, in a larger term that is one", func(ctx context.Context, value string) {
		s := scene.New(ctx, c)
		controller := start(ctx, zenlead.Options{})
		before := pool(ctx, s)
		Expect(controller.Kill()).To(Succeed())
		s.SetAnnotation(ctx, "b", v1alpha1.TermAnnotation, value)
		Expect(s.Delete(ctx, before.Lease)).To(Succeed())
		start(ctx, zenlead.Options{})
		after := s.Leads(ctx, "web", "a")
		most, err := strconv.ParseInt(largest, 10, 64)
		Expect(err).NotTo(HaveOccurred())
		Expect(after.Term).To(And(BeNumerically(">", before.Term), BeNumerically("<", most)))
		s.DeletePod(ctx, "a")
		Expect(s.Leads(ctx, "web", "b").Term).To(Equal(after.Term + 1))
	},
		Entry("the largest", limit, largest),
		faults.OnlyFull(
			Entry("one that is none", limit, "9000000000000000000"),
			Entry("a large one", limit, "1000000000000"),
		),
	)
})
