package pools_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// backOff is longer than the built-in controllers hold still after an outage of the API server, which another spec may just have made.
const backOff = 90 * time.Second

var _ = Describe("A ReplicaSet that scales in", func() {
	It("spares the leader, although it became ready last", func(ctx context.Context) {
		s := scene.New(ctx, c)
		recorded(s)
		start(ctx, zenlead.Options{})
		s.Policy(ctx, "web")
		template := s.NewPod("", "web")
		template.Labels = map[string]string{"app": "web"}
		set := &appsv1.ReplicaSet{ObjectMeta: s.Meta("web"), Spec: appsv1.ReplicaSetSpec{
			Replicas: new(int32(3)), Selector: &metav1.LabelSelector{MatchLabels: template.Labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: template.Labels, Annotations: template.Annotations}, Spec: template.Spec},
		}}
		Expect(s.Create(ctx, set)).To(Succeed())
		var pods corev1.PodList
		Eventually(ctx, func(ctx context.Context) int {
			Expect(s.List(ctx, &pods, client.InNamespace(s.Namespace))).To(Succeed())
			return len(pods.Items)
		}).WithTimeout(backOff).Should(Equal(3))
		last := pods.Items[2].Name // without deletion cost it is the first to go
		for _, p := range pods.Items {
			s.SetReady(ctx, p.Name, true)
			since := time.Now().Add(-24 * time.Hour)
			if p.Name == last {
				since = time.Now()
			}
			s.SetStatus(ctx, p.Name, corev1.PodStatus{Conditions: []corev1.PodCondition{
				{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(since)}}})
		}
		Expect(s.Patch(ctx, &v1alpha1.LeaderPolicy{ObjectMeta: s.Meta("web")}, scene.MetadataPatch("annotations", v1alpha1.HandoverAnnotation, last))).To(Succeed())
		before := s.Leads(ctx, "web", last)
		for _, p := range before.Pods {
			if p.Name == last {
				Expect(p.Annotations).To(HaveKeyWithValue(corev1.PodDeletionCost, v1alpha1.LeaderDeletionCost))
			} else {
				Expect(p.Annotations).NotTo(HaveKey(corev1.PodDeletionCost), "who led before has none any more")
			}
		}

		Expect(s.Patch(ctx, set, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"replicas":1}}`)))).To(Succeed())
		Eventually(ctx, func(ctx context.Context) int {
			Expect(s.List(ctx, &pods, client.InNamespace(s.Namespace))).To(Succeed())
			return len(pods.Items)
		}).Should(Equal(1))
		Expect(pods.Items[0].Name).To(Equal(last))
		Expect(s.Leads(ctx, "web", last).Lease.ResourceVersion).To(Equal(before.Lease.ResourceVersion))
	}, limit)
})
