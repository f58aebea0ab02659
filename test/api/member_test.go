package api_test

import (
	"context"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// contends starts the process of a pod, a member that contends, with the rights of the role that members get.
func contends(ctx context.Context, s *scene.Scene, pool string, pod *corev1.Pod) *election.Member {
	GinkgoHelper()
	s.MayContend(ctx)
	m, err := election.Start(ctx, election.Options{
		Elector: election.Lead, Kubeconfig: kubeconfigOf(ctx, s), Namespace: s.Namespace, Pool: pool,
		Identity: pod.Name, UID: string(pod.UID), Stderr: GinkgoWriter,
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(m.Kill()).To(Succeed()) })
	return m
}

func kubeconfigOf(ctx context.Context, s *scene.Scene) string {
	GinkgoHelper()
	path := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
	Expect(c.KubeconfigFor(ctx, s.Namespace, "default", path)).To(Succeed())
	return path
}

func seconds(l *coordinationv1.Lease) int32 {
	if l.Spec.LeaseDurationSeconds == nil {
		return 0
	}
	return *l.Spec.LeaseDurationSeconds
}
