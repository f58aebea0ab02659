package api_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

var _ = Describe("Flow control", func() {
	// level waits until the API server says that a FlowSchema has its priority level, and returns that.
	level := func(ctx context.Context, s *scene.Scene, schema string) string {
		GinkgoHelper()
		f := &flowcontrolv1.FlowSchema{}
		Eventually(ctx, func(ctx context.Context) (flowcontrolv1.ConditionStatus, error) {
			if err := s.Get(ctx, client.ObjectKey{Name: schema}, f); err != nil || len(f.Status.Conditions) == 0 {
				return "", err
			}
			return f.Status.Conditions[0].Status, nil // of "Dangling", the only one there is
		}).Should(Equal(flowcontrolv1.ConditionFalse))
		return f.Spec.PriorityLevelConfiguration.Name
	}

	It("is installed for the controller, and for participants where somebody asks for it", func(ctx context.Context) {
		s := scene.New(ctx, c)
		Expect(level(ctx, s, "zen-lead")).To(Equal("zen-lead"))
		Expect(s.Get(ctx, client.ObjectKey{Name: "zen-lead-participants"}, &flowcontrolv1.FlowSchema{})).NotTo(Succeed())
		root, err := zenlead.Root()
		Expect(err).NotTo(HaveOccurred())
		Expect(c.Apply(ctx, filepath.Join(root, "controller", "config", "participants-flow"))).To(Succeed())
		Expect(level(ctx, s, "zen-lead-participants")).To(Equal("zen-lead"))
	}, limit)

	It("serves what the controller reads and writes of locks at its own priority", func(ctx context.Context) {
		s := scene.New(ctx, c)
		Expect(level(ctx, s, "zen-lead")).To(Equal("zen-lead"))
		want := &flowcontrolv1.FlowSchema{}
		Expect(s.Get(ctx, client.ObjectKey{Name: "zen-lead"}, want)).To(Succeed())
		o := &v1alpha1.ManualLock{ObjectMeta: s.Meta("report")}
		Expect(s.Create(ctx, o)).To(Succeed())

		kubeconfig := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
		Expect(c.KubeconfigFor(ctx, zenlead.Namespace, zenlead.Account, kubeconfig)).To(Succeed())
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		Expect(err).NotTo(HaveOccurred())
		var flows []string
		config.Wrap(func(next http.RoundTripper) http.RoundTripper {
			return trip(func(r *http.Request) (*http.Response, error) {
				answer, err := next.RoundTrip(r)
				if err == nil && strings.Contains(r.URL.Path, "/manuallocks") {
					flows = append(flows, answer.Header.Get(flowcontrolv1.ResponseHeaderMatchedFlowSchemaUID))
				}
				return answer, err
			})
		})
		account := scene.ClientOf(config)
		Expect(account.Get(ctx, client.ObjectKeyFromObject(o), o)).To(Succeed())
		Expect(account.List(ctx, &v1alpha1.ManualLockList{}, client.InNamespace(s.Namespace))).To(Succeed())
		o.Status.Waiting = new(int32(1))
		Expect(account.Status().Update(ctx, o)).To(Succeed())
		Expect(flows).To(HaveExactElements(string(want.UID), string(want.UID), string(want.UID)))
	}, limit)
})

// trip is a function as an http.RoundTripper.
type trip func(*http.Request) (*http.Response, error)

func (t trip) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }
