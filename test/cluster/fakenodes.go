package cluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// fakeNodeAnnotation marks the nodes whose kubelet kwok stands for.
const fakeNodeAnnotation = "kwok.x-k8s.io/node"

func createFakeNodes(ctx context.Context, client kubernetes.Interface, options Options) error {
	for i := range options.FakeNodes {
		if _, err := client.CoreV1().Nodes().Create(ctx, fakeNode(i+1), metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create fake node: %w", err)
		}
	}
	return nil
}

func fakeNode(number int) *corev1.Node {
	name := fmt.Sprintf("fake-%d", number)
	room := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("64"),
		corev1.ResourceMemory: resource.MustParse("256Gi"),
		corev1.ResourcePods:   resource.MustParse("1000"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:        name,
			Annotations: map[string]string{fakeNodeAnnotation: "fake"},
			Labels: map[string]string{
				"type":                 "kwok",
				corev1.LabelHostname:   name,
				corev1.LabelOSStable:   "linux",
				corev1.LabelArchStable: "amd64",
			},
		},
		Status: corev1.NodeStatus{Allocatable: room, Capacity: room},
	}
}

// checkFakeNodes returns nil when pods can run on all of them.
func checkFakeNodes(ctx context.Context, client kubernetes.Interface, options Options) error {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: "type=kwok"})
	if err != nil {
		return err
	}
	usable := 0
	for _, node := range nodes.Items {
		// Without controller manager nobody takes the taint of new nodes away, and without scheduler nobody minds.
		if isReady(node) && (options.APIOnly || !isTainted(node)) {
			usable++
		}
	}
	if usable < options.FakeNodes {
		return fmt.Errorf("%d of %d fake nodes are ready", usable, options.FakeNodes)
	}
	return nil
}

func isReady(node corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

func isTainted(node corev1.Node) bool {
	for _, taint := range node.Spec.Taints {
		if taint.Key == corev1.TaintNodeNotReady {
			return true
		}
	}
	return false
}

func checkDefaultServiceAccount(ctx context.Context, client kubernetes.Interface) error {
	_, err := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
	return err
}
