package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// soon bounds the waits for what a kubelet does within seconds.
const soon = time.Minute

func killProcess(ctx context.Context, w *world, leader corev1.Pod) (string, error) {
	if err := w.signal(leader, syscall.SIGKILL); err != nil {
		return "", err
	}
	return w.awaitEnd(ctx, leader, "exit code 137")
}

func exhaustMemory(ctx context.Context, w *world, leader corev1.Pod) (string, error) {
	// The proxy of the API server would need a way to the pods; the kubelet has one. The answer never comes: who would give it is killed.
	go func() {
		_, _ = w.cluster.Kubectl(ctx, "exec", leader.Name, "--", "/e2eapp", "post", "http://localhost:8080/exhaust")
	}()
	return w.awaitEnd(ctx, leader, "OOMKilled")
}

// awaitEnd waits until the pod has a new container, and wants the old one to have ended for that reason.
func (w *world) awaitEnd(ctx context.Context, pod corev1.Pod, reason string) (string, error) {
	evidence, err := w.awaitRestart(ctx, pod)
	if err == nil && !strings.Contains(evidence, reason) {
		err = fmt.Errorf("want %s, and %s", reason, evidence)
	}
	return evidence, err
}

// awaitRestart waits until the pod has a new container, and says how the old one ended.
func (w *world) awaitRestart(ctx context.Context, pod corev1.Pod) (string, error) {
	before := pod.Status.ContainerStatuses[0].RestartCount
	var ended *corev1.ContainerStateTerminated
	var again *corev1.ContainerStateRunning
	err := w.await(ctx, soon, "a restart of "+pod.Name, func(ctx context.Context) error {
		var now corev1.Pod
		if err := w.Get(ctx, client.ObjectKeyFromObject(&pod), &now); err != nil {
			return err
		}
		status := now.Status.ContainerStatuses[0]
		ended = status.LastTerminationState.Terminated
		again = status.State.Running
		if status.RestartCount <= before || ended == nil || again == nil {
			return errNotYet
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("container ended: %s, exit code %d, another started %s later", ended.Reason, ended.ExitCode, again.StartedAt.Sub(ended.FinishedAt.Time)), nil
}

func deletePod(ctx context.Context, w *world, leader corev1.Pod) (string, error) {
	if _, err := w.cluster.Kubectl(ctx, "delete", "pod", leader.Name); err != nil {
		return "", err
	}
	return w.awaitGone(ctx, leader)
}

// awaitGone waits until no pod has that UID.
func (w *world) awaitGone(ctx context.Context, pod corev1.Pod) (string, error) {
	err := w.await(ctx, soon, "the end of "+pod.Name, func(ctx context.Context) error {
		var now corev1.Pod
		err := w.Get(ctx, client.ObjectKeyFromObject(&pod), &now)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err == nil && now.UID == pod.UID {
			return errNotYet
		}
		return err
	})
	return pod.Name + " is gone", err
}

// stopProcess lets the process go on only after another pod leads: a program that hangs does not mend by itself.
func stopProcess(ctx context.Context, w *world, leader corev1.Pod) (string, error) {
	if err := w.signal(leader, syscall.SIGSTOP); err != nil {
		return "", err
	}
	evidence, err := w.awaitUnready(ctx, leader)
	if err != nil {
		return "", err
	}
	if err := w.awaitMove(ctx, leader); err != nil {
		return "", err
	}
	return evidence, w.signal(leader, syscall.SIGCONT)
}

// awaitUnready waits until the kubelet's probe has failed, and wants the pod's process to stand still then.
func (w *world) awaitUnready(ctx context.Context, pod corev1.Pod) (string, error) {
	err := w.await(ctx, soon, pod.Name+" to be unready", func(ctx context.Context) error {
		var now corev1.Pod
		if err := w.Get(ctx, client.ObjectKeyFromObject(&pod), &now); err != nil {
			return err
		}
		if isReady(now) {
			return errNotYet
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	pids, err := w.cluster.ContainerProcesses(pod.Status.ContainerStatuses[0].ContainerID)
	if err != nil {
		return "", err
	}
	state, err := stateOf(pids[0])
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(state, "T") {
		return "", fmt.Errorf("%s is not ready, and its process is in state %s", pod.Name, state)
	}
	return fmt.Sprintf("process %s, pod not ready", state), nil
}

// stateOf is the state of a process: a letter, and what it means.
func stateOf(pid int) (string, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return "", err
	}
	_, state, _ := strings.Cut(string(status), "State:")
	state, _, _ = strings.Cut(strings.TrimSpace(state), "\n")
	return state, nil
}

// awaitMove waits until another pod leads.
func (w *world) awaitMove(ctx context.Context, from corev1.Pod) error {
	return w.await(ctx, settleWithin, "another leader", func(ctx context.Context) error {
		leader, err := w.leader(ctx)
		if err == nil && leader.UID == from.UID {
			err = errNotYet
		}
		return err
	})
}

// signal sends it to every process of the pod's container.
func (w *world) signal(pod corev1.Pod, signal syscall.Signal) error {
	pids, err := w.cluster.ContainerProcesses(pod.Status.ContainerStatuses[0].ContainerID)
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, signal); err != nil {
			return fmt.Errorf("%s to process %d of %s: %w", signal, pid, pod.Name, err)
		}
	}
	return nil
}

func rollOut(ctx context.Context, w *world, leader corev1.Pod) (string, error) {
	if _, err := w.cluster.Kubectl(ctx, "rollout", "restart", "deployment/"+pool); err != nil {
		return "", err
	}
	if _, err := w.cluster.Kubectl(ctx, "rollout", "status", "deployment/"+pool, "--timeout=120s"); err != nil {
		return "", err
	}
	_, err := w.awaitGone(ctx, leader)
	return "every pod replaced", err
}
