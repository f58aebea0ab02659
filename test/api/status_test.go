package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

var _ = Describe("The status", func() {
	var s *scene.Scene
	BeforeEach(func(ctx context.Context) { s = scene.New(ctx, c) })

	It("names holder, term, time and guarantee", func(ctx context.Context) {
		s.Policy(ctx, "web")
		pod := s.Pod(ctx, "a", "web")
		state := s.Leads(ctx, "web", "a")
		holder := state.Policy.Status.CurrentHolder
		Expect(holder.Name).To(Equal("a"))
		Expect(holder.UID).To(Equal(pod.UID))
		Expect(holder.Namespace).To(Equal(s.Namespace))
		Expect(holder.StartTime.Time).To(BeTemporally("==", state.Lease.Spec.AcquireTime.Time), "the term began with the Lease")
		Expect(state.Policy.Status.LastTransitionTime.Time).To(BeTemporally("==", holder.StartTime.Time))
		Expect(state.Policy.Status.Guarantee).To(Equal(v1alpha1.GuaranteeAdvisory))
		Expect(state.Condition(v1alpha1.ConditionLeaderElected).Reason).To(Equal(v1alpha1.ReasonLeaderReady))
		Expect(state.Condition(v1alpha1.ConditionCandidatesAvailable).Reason).To(Equal(v1alpha1.ReasonMembersReady))
	}, limit)

	It("says so where there is no member", func(ctx context.Context) {
		s.Policy(ctx, "web")
		state := s.Leads(ctx, "web", "")
		Expect(state.Condition(v1alpha1.ConditionLeaderElected).Reason).To(Equal(v1alpha1.ReasonNoCandidate))
		available := state.Condition(v1alpha1.ConditionCandidatesAvailable)
		Expect(available.Reason).To(Equal(v1alpha1.ReasonNoMembers))
		Expect(available.Message).To(ContainSubstring("zen-lead/pool: web"))
	}, limit)

	It("is understood by tools that know conditions", func(ctx context.Context) {
		// The rules of kstatus: observedGeneration follows the generation, every condition is whole, and none of the
		// types that mean trouble by convention is set on a healthy object.
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		s.Leads(ctx, "web", "a")
		p := scene.Read(ctx, s, "web", &v1alpha1.LeaderPolicy{})
		p.Spec.Service = &v1alpha1.LeaderService{Name: "boss"}
		Expect(s.Update(ctx, p)).To(Succeed())
		Expect(p.Generation).To(BeEquivalentTo(2))
		Eventually(ctx, func(ctx context.Context) int64 { return s.Leads(ctx, "web", "a").Policy.Status.ObservedGeneration }).
			Should(BeEquivalentTo(2)) // and that of each condition: Look compares
		state := s.Leads(ctx, "web", "a")
		for _, condition := range state.Policy.Status.Conditions {
			Expect(condition.Type).NotTo(BeElementOf("Reconciling", "Stalled"))
			Expect(condition.Reason).To(MatchRegexp(`^[A-Z][A-Za-z]+$`))
			Expect(condition.Message).NotTo(BeEmpty())
			Expect(condition.LastTransitionTime.IsZero()).To(BeFalse())
		}
		out, err := c.Kubectl(ctx, "wait", "--for=condition=LeaderElected", "--timeout=10s", "-n", s.Namespace, "leaderpolicy/web")
		Expect(err).NotTo(HaveOccurred())
		Expect(string(out)).To(ContainSubstring("condition met"))
	}, limit)

	It("keeps the time of a condition's last change when only its message changes", func(ctx context.Context) {
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		before := s.Leads(ctx, "web", "a")
		s.Pod(ctx, "b", "web")
		after := s.Leads(ctx, "web", "a")
		Expect(after.Condition(v1alpha1.ConditionCandidatesAvailable).Message).NotTo(
			Equal(before.Condition(v1alpha1.ConditionCandidatesAvailable).Message))
		Expect(after.Condition(v1alpha1.ConditionCandidatesAvailable).LastTransitionTime).To(
			Equal(before.Condition(v1alpha1.ConditionCandidatesAvailable).LastTransitionTime))
	}, limit)

	It("is shown by kubectl get", func(ctx context.Context) {
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		s.Leads(ctx, "web", "a")
		out, err := c.Kubectl(ctx, "get", "lp", "-n", s.Namespace)
		Expect(err).NotTo(HaveOccurred())
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		Expect(lines).To(HaveLen(2))
		Expect(strings.Fields(lines[0])).To(Equal([]string{"NAME", "PHASE", "LEADER", "CANDIDATES", "AGE"}))
		Expect(strings.Fields(lines[1])[:4]).To(Equal([]string{"web", "Stable", "a", "1"}))
	}, limit)

	It("is explained by kubectl, field by field", func(ctx context.Context) {
		out, err := c.Kubectl(ctx, "get", "--raw", "/openapi/v3/apis/coordination.kube-zen.io/v1alpha1") // what kubectl explain reads
		Expect(err).NotTo(HaveOccurred())
		var api struct {
			Components struct {
				Schemas map[string]map[string]any
			}
		}
		Expect(json.Unmarshal(out, &api)).To(Succeed())
		policy := api.Components.Schemas["io.kube-zen.coordination.v1alpha1.LeaderPolicy"]
		Expect(policy).NotTo(BeEmpty())
		Expect(unexplained("leaderpolicy", policy)).To(BeEmpty())
		out, err = c.Kubectl(ctx, "explain", "leaderpolicy.spec.service.ports.targetPort")
		Expect(err).NotTo(HaveOccurred())
		Expect(string(out)).To(ContainSubstring("name of one of its container ports"))
	}, limit)
})

// unexplained lists the fields of a schema that have no description.
func unexplained(path string, schema map[string]any) (fields []string) {
	if items, ok := schema["items"].(map[string]any); ok {
		return unexplained(path, items)
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, value := range properties {
		field, ok := value.(map[string]any)
		if !ok || field["description"] == nil || len(field["description"].(string)) < 10 {
			fields = append(fields, path+"."+name)
		}
		fields = append(fields, unexplained(path+"."+name, field)...)
	}
	return fields
}

var _ = Describe("Events", func() {
	var s *scene.Scene
	BeforeEach(func(ctx context.Context) { s = scene.New(ctx, c) })

	// told lists "reason note" of the events about an object.
	told := func(kind, name string) func(context.Context) []string {
		return func(ctx context.Context) (list []string) {
			var events eventsv1.EventList
			Expect(s.List(ctx, &events, client.InNamespace(s.Namespace))).To(Succeed())
			for _, e := range events.Items {
				if e.Regarding.Kind == kind && e.Regarding.Name == name {
					list = append(list, e.Reason+" "+e.Note)
				}
			}
			return list
		}
	}

	It("tell of elections and why", func(ctx context.Context) {
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		first := s.Leads(ctx, "web", "a")
		s.Pod(ctx, "b", "web")
		s.SetPhase(ctx, "a", corev1.PodFailed)
		second := s.Leads(ctx, "web", "b")
		s.DeletePod(ctx, "b")
		s.Leads(ctx, "web", "")
		Eventually(ctx, told("LeaderPolicy", "web")).Should(ConsistOf(
			fmt.Sprintf("LeaderElected a leads in term %d: nobody led", first.Term),
			fmt.Sprintf("LeaderElected b leads in term %d, after a: its pod has ended", second.Term),
			"LeaderLost nobody leads: b led until now, its pod is gone or left the pool, and no member may be elected",
		))
	}, limit)

	It("tell a pod that its policy is missing", func(ctx context.Context) {
		s.Pod(ctx, "a", "wbe")
		Eventually(ctx, told("Pod", "a")).Should(ConsistOf(HavePrefix("PolicyMissing ")))
	}, limit)

	It("tell a pod that its policy is missing also where the replica has died that would have told it", func(ctx context.Context) {
		dead := &coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: zenlead.Namespace, Name: "zen-lead." + s.Namespace, Labels: map[string]string{"app.kubernetes.io/managed-by": "zen-lead"},
			},
			Spec: coordinationv1.LeaseSpec{HolderIdentity: &s.Namespace, LeaseDurationSeconds: new(int32(2)), RenewTime: now()},
		}
		Expect(s.Create(ctx, dead)).To(Succeed())
		DeferCleanup(func(ctx context.Context) { Expect(s.Delete(ctx, dead)).To(Succeed()) })
		var pods []string
		for i := range 10 { // half of which prefer the dead replica
			pods = append(pods, fmt.Sprintf("a%d", i))
			s.Pod(ctx, pods[i], fmt.Sprintf("wbe%d", i))
		}
		for _, pod := range pods {
			Eventually(ctx, told("Pod", pod)).Should(ConsistOf(HavePrefix("PolicyMissing ")), pod)
		}
	}, limit)

	It("tell a pod that zen-lead/join is wrong, once", func(ctx context.Context) {
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web", scene.Annotate(v1alpha1.JoinAnnotation, "nope"))
		s.Pod(ctx, "b", "web")
		s.Leads(ctx, "web", "b")
		Eventually(ctx, told("Pod", "a")).Should(ConsistOf(And(HavePrefix("InvalidJoin "), ContainSubstring(`"nope"`))))
		s.Pod(ctx, "c", "web") // another decision
		s.Leads(ctx, "web", "b")
		Expect(told("Pod", "a")(ctx)).To(HaveLen(1))
	}, limit)

	It("tell of a Service that is a stranger's", func(ctx context.Context) {
		Expect(s.Create(ctx, &corev1.Service{ObjectMeta: s.Meta("web-leader"), Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1}}}})).To(Succeed())
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		Eventually(ctx, told("LeaderPolicy", "web")).Should(ContainElement(HavePrefix("ServiceConflict ")))
	}, limit)
})

// now is a moment as records know it.
func now() *metav1.MicroTime { return new(metav1.NowMicro()) }
