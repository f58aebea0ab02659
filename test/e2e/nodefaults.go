package e2e

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-zen/zen-lead/test/cluster"
)

// kept is the node that the client and the name server run on.
var kept = string(cluster.Node(1))

func drainNode(ctx context.Context, w *world, leader corev1.Pod) (string, error) {
	node := leader.Spec.NodeName
	if _, err := w.cluster.Kubectl(ctx, "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s"); err != nil {
		return "", err
	}
	if _, err := w.awaitGone(ctx, leader); err != nil {
		return "", err
	}
	_, err := w.cluster.Kubectl(ctx, "uncordon", node)
	return fmt.Sprintf("%s drained", node), err
}

func killNode(ctx context.Context, w *world, leader corev1.Pod) (string, error) {
	node := cluster.Component(leader.Spec.NodeName)
	if err := w.cluster.Kill(node); err != nil {
		return "", err
	}
	living, err := w.cluster.ContainerProcesses(leader.Status.ContainerStatuses[0].ContainerID)
	if !errors.Is(err, cluster.ErrNotRunning) {
		return "", errors.Join(fmt.Errorf("%s was killed, and the leader's processes are %v", node, living), err)
	}
	if err := w.awaitMove(ctx, leader); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s gone with all its processes", node), w.cluster.Restart(ctx, node)
}

func cutNodeOff(ctx context.Context, w *world, leader corev1.Pod) (string, error) {
	node := cluster.Component(leader.Spec.NodeName)
	if err := w.cluster.CutOff(ctx, node); err != nil {
		return "", err
	}
	if err := w.awaitMove(ctx, leader); err != nil {
		return "", err
	}
	pids, err := w.cluster.ContainerProcesses(leader.Status.ContainerStatuses[0].ContainerID)
	if err != nil {
		return "", fmt.Errorf("the old leader's process did not live on: %w", err)
	}
	return fmt.Sprintf("%s unplugged, the old leader's process %d lived on", node, pids[0]), w.cluster.Reconnect(ctx, node)
}

// leadElsewhere moves the lead away from the node that is kept, if it is there, as a person would: the client must outlive the node.
func (w *world) leadElsewhere(ctx context.Context) (corev1.Pod, error) {
	leader, err := w.leader(ctx)
	if err != nil || leader.Spec.NodeName != kept {
		return leader, err
	}
	to, err := w.memberElsewhere(ctx)
	if err != nil {
		return leader, err
	}
	if err := w.requestHandover(ctx, pool, to.Name); err != nil {
		return leader, err
	}
	if err := w.awaitMove(ctx, leader); err != nil {
		return leader, err
	}
	if err := w.settle(ctx); err != nil {
		return leader, err
	}
	return w.leader(ctx)
}

func (w *world) memberElsewhere(ctx context.Context) (corev1.Pod, error) {
	found, err := w.pods(ctx, namespace, "app", pool)
	if err != nil {
		return corev1.Pod{}, err
	}
	for _, pod := range found {
		if pod.Spec.NodeName != kept {
			return pod, nil
		}
	}
	return corev1.Pod{}, fmt.Errorf("all pods of the pool are on %s", kept)
}
