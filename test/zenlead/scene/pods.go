package scene

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// Option changes a pod before it is created.
type Option func(*corev1.Pod)

// addresses gives every pod an IP address of its own.
var addresses atomic.Uint32

// NewPod returns a pod of a pool ("" for none) with one port named http; it is not created.
func (s *Scene) NewPod(name, pool string, options ...Option) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: s.Meta(name),
		Spec: corev1.PodSpec{
			SchedulerName: "none", // nobody's: no kubelet touches it
			Containers: []corev1.Container{{
				Name: "app", Image: "app.invalid/app:1", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
			}},
		},
	}
	if pool != "" {
		p.Annotations = map[string]string{v1alpha1.PoolAnnotation: pool}
	}
	for _, o := range options {
		o(p)
	}
	return p
}

// Ports replaces the pod's ports; a name "" is none.
func Ports(ports ...corev1.ContainerPort) Option {
	return func(p *corev1.Pod) { p.Spec.Containers[0].Ports = ports }
}

// Annotate adds an annotation.
func Annotate(key, value string) Option {
	return func(p *corev1.Pod) { metav1.SetMetaDataAnnotation(&p.ObjectMeta, key, value) }
}

// OnNode puts the pod on a node. No kubelet runs there: a graceful deletion waits for ever.
func OnNode(name string) Option { return func(p *corev1.Pod) { p.Spec.NodeName = name } }

// Pending creates a pod that is not ready.
func (s *Scene) Pending(ctx context.Context, name, pool string, options ...Option) *corev1.Pod {
	GinkgoHelper()
	p := s.NewPod(name, pool, options...)
	Expect(s.Create(ctx, p)).To(Succeed())
	return p
}

// Pod creates a pod that is ready.
func (s *Scene) Pod(ctx context.Context, name, pool string, options ...Option) *corev1.Pod {
	GinkgoHelper()
	p := s.Pending(ctx, name, pool, options...)
	s.SetReady(ctx, name, true)
	return p
}

// SetReady writes the status of a running pod. It keeps its address.
func (s *Scene) SetReady(ctx context.Context, name string, ready bool) {
	GinkgoHelper()
	p := Read(ctx, s, name, &corev1.Pod{})
	ip := p.Status.PodIP
	if ip == "" {
		n := addresses.Add(1)
		ip = fmt.Sprintf("10.9.%d.%d", n>>8&255, n&255)
	}
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	s.SetStatus(ctx, name, corev1.PodStatus{
		Phase: corev1.PodRunning, PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}},
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: status}},
	})
}

// SetPhase ends a pod.
func (s *Scene) SetPhase(ctx context.Context, name string, phase corev1.PodPhase) {
	GinkgoHelper()
	s.SetStatus(ctx, name, corev1.PodStatus{
		Phase: phase, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse}},
	})
}

// SetStatus merges a status into that of the pod.
func (s *Scene) SetStatus(ctx context.Context, name string, status corev1.PodStatus) {
	GinkgoHelper()
	body, err := json.Marshal(status)
	Expect(err).NotTo(HaveOccurred())
	Expect(s.Status().Patch(ctx, &corev1.Pod{ObjectMeta: s.Meta(name)}, merge(`{"status":%s}`, body))).To(Succeed())
}

// SetAnnotation writes an annotation of a pod; "" takes it off.
func (s *Scene) SetAnnotation(ctx context.Context, name, key, value string) {
	GinkgoHelper()
	Expect(s.Patch(ctx, &corev1.Pod{ObjectMeta: s.Meta(name)}, MetadataPatch("annotations", key, value))).To(Succeed())
}

// SetLabel writes a label of a pod; "" takes it off.
func (s *Scene) SetLabel(ctx context.Context, name, key, value string) {
	GinkgoHelper()
	Expect(s.Patch(ctx, &corev1.Pod{ObjectMeta: s.Meta(name)}, MetadataPatch("labels", key, value))).To(Succeed())
}

// MetadataPatch sets one label or annotation; "" takes it off.
func MetadataPatch(where, key, value string) client.Patch {
	if value == "" {
		return merge(`{"metadata":{%q:{%q:null}}}`, where, key)
	}
	return merge(`{"metadata":{%q:{%q:%q}}}`, where, key, value)
}

// DeletePod leaves the pod no time to end, as the loss of a node does.
func (s *Scene) DeletePod(ctx context.Context, name string) {
	GinkgoHelper()
	Expect(s.Delete(ctx, &corev1.Pod{ObjectMeta: s.Meta(name)}, client.GracePeriodSeconds(0))).To(Succeed())
}

// Node creates a node, whose name it returns. No kubelet runs there, and none of its pods ends by itself.
func (s *Scene) Node(ctx context.Context, name string) string {
	GinkgoHelper()
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace + "-" + name}}
	Expect(s.Create(ctx, n)).To(Succeed())
	DeferCleanup(func(ctx context.Context) { // a namespace does not hold it
		Expect(client.IgnoreNotFound(s.Delete(ctx, n))).To(Succeed())
	})
	return n.Name
}
