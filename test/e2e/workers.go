package e2e

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/guide"
	"github.com/kube-zen/zen-lead/test/image"
)

const (
	worker   = "worker"
	operator = "operator"
)

//go:embed workers.yaml
var workersManifest []byte

// guides are the pages whose programs run here, by the names of their images and Deployments.
var guides = map[string]string{worker: "README.md", operator: "docs/operators.md", dashboard: askPage}

// guidePrograms writes the programs of the documentation, to be compiled for their images.
func (w *world) guidePrograms() (map[string]image.Program, error) {
	programs := map[string]image.Program{}
	for name, page := range guides {
		dir := filepath.Join(w.dir, "guides", name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		files := map[string]string{"work.go": workSource}
		if page == askPage { // it looks, and does not work
			files = nil
		}
		if err := guide.Write(w.root, page, dir, files); err != nil {
			return nil, err
		}
		programs["localhost/"+name+":dev"] = image.Program{Dir: dir, Package: "."}
	}
	return programs, nil
}

// startWorkers deploys the programs and waits until one pod of each works.
func startWorkers(ctx context.Context, w *world, _ corev1.Pod) (string, error) {
	file := filepath.Join(w.dir, "workers.yaml")
	if err := os.WriteFile(file, workersManifest, 0o644); err != nil {
		return "", err
	}
	if _, err := w.cluster.Kubectl(ctx, "apply", "-f", file); err != nil {
		return "", err
	}
	w.workers = w.newCrew(worker, w.newDiskLog(ctx))
	for _, c := range []*crew{w.workers, w.newCrew(operator, w.newDiskLog(ctx))} {
		if _, err := c.awaitWork(ctx, 0); err != nil {
			return "", err
		}
	}
	return "the programs of the documentation work", nil
}

// killWorker: the container that the kubelet starts in its place proves its predecessor dead, and need not wait.
func killWorker(ctx context.Context, w *world, _ corev1.Pod) (string, error) {
	pod, was, err := w.workers.workingPod(ctx)
	if err != nil {
		return "", err
	}
	if err := w.signal(pod, syscall.SIGKILL); err != nil {
		return "", err
	}
	evidence, err := w.awaitEnd(ctx, pod, "exit code 137")
	if err != nil {
		return "", err
	}
	is, told, err := w.workers.another(ctx, was)
	if err == nil && is.Pod != was.Pod {
		err = fmt.Errorf("%s works after %s, whose container was started again", is.Pod, was.Pod)
	}
	return evidence + ", took its own term over; " + told, err
}

// deleteWorker: the program does not handle SIGTERM; its pod, once terminal, is the proof.
func deleteWorker(ctx context.Context, w *world, _ corev1.Pod) (string, error) {
	pod, was, err := w.workers.workingPod(ctx)
	if err != nil {
		return "", err
	}
	evidence, err := deletePod(ctx, w, pod)
	if err != nil {
		return "", err
	}
	_, told, err := w.workers.another(ctx, was)
	return evidence + "; " + told, err
}

// handOverWork asks for a move as people do.
func handOverWork(ctx context.Context, w *world, _ corev1.Pod) (string, error) {
	_, was, err := w.workers.workingPod(ctx)
	if err != nil {
		return "", err
	}
	told, err := w.workers.handOver(ctx, was)
	if err == nil && !w.workers.works.hasEnded(was.Term) {
		err = fmt.Errorf("%s was not told to end", was.Pod)
	}
	return told, err
}

// cutWorkerOff: the process on the unplugged node lives on, and stops its work by its own clock before another begins.
func cutWorkerOff(ctx context.Context, w *world, _ corev1.Pod) (string, error) {
	pod, was, err := w.workers.workElsewhere(ctx)
	if err != nil {
		return "", err
	}
	node := cluster.Component(pod.Spec.NodeName)
	if err := w.cluster.CutOff(ctx, node); err != nil {
		return "", err
	}
	_, _, err = w.workers.another(ctx, was)
	if err != nil {
		return "", err
	}
	living, err := w.cluster.ContainerProcesses(pod.Status.ContainerStatuses[0].ContainerID)
	if err != nil {
		return "", fmt.Errorf("the old worker's process did not live on: %w", err)
	}
	if err := w.cluster.Reconnect(ctx, node); err != nil {
		return "", err
	}
	if !w.workers.works.hasEnded(was.Term) {
		return "", fmt.Errorf("%s did not end its work itself", was.Pod)
	}
	_, told, err := w.workers.another(ctx, was)
	evidence := []string{fmt.Sprintf("%s unplugged, process %d lived on and ended its work itself", node, living[0]), told}
	return strings.Join(evidence, "; "), err
}
