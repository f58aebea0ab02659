package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// controllers are the pods of the release.
func (w *world) controllers(ctx context.Context) ([]corev1.Pod, error) {
	return w.pods(ctx, installNamespace, "app.kubernetes.io/instance", release)
}

func killControllers(ctx context.Context, w *world, _ corev1.Pod) (string, error) {
	found, err := w.controllers(ctx)
	if err != nil {
		return "", err
	}
	for _, pod := range found {
		if err := w.signal(pod, syscall.SIGKILL); err != nil {
			return "", err
		}
	}
	for _, pod := range found {
		if _, err := w.awaitRestart(ctx, pod); err != nil {
			return "", err
		}
	}
	if _, err := w.cluster.Kubectl(ctx, "rollout", "status", "deployment/"+release, "--namespace", installNamespace, "--timeout=60s"); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d killed, and started again", len(found)), nil
}

func upgradeChart(ctx context.Context, w *world, _ corev1.Pod) (string, error) {
	before, err := w.controllers(ctx)
	if err != nil {
		return "", err
	}
	if err := w.install(ctx, w.current); err != nil {
		return "", err
	}
	for _, pod := range before {
		if _, err := w.awaitGone(ctx, pod); err != nil {
			return "", err
		}
	}
	after, err := w.controllers(ctx)
	if err != nil {
		return "", err
	}
	for _, pod := range after {
		if image := pod.Spec.Containers[0].Image; !strings.HasSuffix(image, ":"+w.current.tag) {
			return "", fmt.Errorf("%s runs %s", pod.Name, image)
		}
	}
	return fmt.Sprintf("%s to %s, %d new controllers", w.previous.tag, w.current.tag, len(after)), nil
}

func testChart(ctx context.Context, w *world, _ corev1.Pod) (string, error) {
	return "passed", w.testChart(ctx)
}

// uninstallChart shows that what users made stays, and goes on as it was.
func uninstallChart(ctx context.Context, w *world, _ corev1.Pod) (string, error) {
	if err := w.uninstall(ctx); err != nil {
		return "", err
	}
	var deployment appsv1.Deployment
	err := w.Get(ctx, client.ObjectKey{Namespace: installNamespace, Name: release}, &deployment)
	if !apierrors.IsNotFound(err) {
		return "", errors.Join(errors.New("the Deployment is still there"), err)
	}
	var policy v1alpha1.LeaderPolicy
	if err := w.Get(ctx, client.ObjectKey{Namespace: namespace, Name: pool}, &policy); err != nil {
		return "", fmt.Errorf("the user's policy: %w", err)
	}
	return "controllers gone, policy and Service kept", nil
}
