package e2e

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/guide"
	"github.com/kube-zen/zen-lead/test/image"
)

const worker = "worker"

//go:embed workers.yaml
var workersManifest []byte

// guides are the pages whose programs run here, by the names of their images and Deployments.
var guides = map[string]string{worker: "README.md", "operator": "docs/operators.md"}

// guidePrograms writes the programs of the documentation, to be compiled for their images.
func (w *world) guidePrograms() (map[string]image.Program, error) {
	programs := map[string]image.Program{}
	for name, page := range guides {
		dir := filepath.Join(w.dir, "guides", name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		if err := guide.Write(w.root, page, dir, map[string]string{"work.go": workSource}); err != nil {
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
	w.works = newWorkLog(w.kubernetes)
	if _, err := w.awaitWork(ctx, 0); err != nil {
		return "", err
	}
	operators := newWorkLog(w.kubernetes)
	err := w.await(ctx, soon, "the operator's work", func(ctx context.Context) error {
		found, err := w.pods(ctx, namespace, "app", "operator")
		if err != nil {
			return err
		}
		operators.follow(ctx, found)
		_, err = operators.latest()
		return err
	})
	return "the programs of the documentation work", err
}

// awaitWork waits until somebody works in a term above another, and returns that work.
func (w *world) awaitWork(ctx context.Context, above int64) (is Work, err error) {
	err = w.await(ctx, soon, "work in a term above "+fmt.Sprint(above), func(ctx context.Context) error {
		found, err := w.pods(ctx, namespace, "app", worker)
		if err != nil {
			return err
		}
		w.works.follow(ctx, found)
		is, err = w.works.latest()
		if err == nil && is.Term <= above {
			err = errNotYet
		}
		return err
	})
	return is, err
}

// workingPod is the pod that works now.
func (w *world) workingPod(ctx context.Context) (pod corev1.Pod, is Work, err error) {
	if is, err = w.awaitWork(ctx, 0); err != nil {
		return pod, is, err
	}
	return pod, is, w.Get(ctx, client.ObjectKey{Namespace: namespace, Name: is.Pod}, &pod)
}

// another waits for the work of the next term, and checks all that was heard.
func (w *world) another(ctx context.Context, was Work) (is Work, told string, err error) {
	if is, err = w.awaitWork(ctx, was.Term); err != nil {
		return is, "", err
	}
	return is, fmt.Sprintf("work stood still for %s", w.works.silence(was.Term, is.Term).Round(time.Millisecond)), summary(CheckWork(w.works.all()))
}

// killWorker: the container that the kubelet starts in its place proves its predecessor dead, and need not wait.
func killWorker(ctx context.Context, w *world, _ corev1.Pod) (string, error) {
	pod, was, err := w.workingPod(ctx)
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
	is, told, err := w.another(ctx, was)
	if err == nil && is.Pod != was.Pod {
		err = fmt.Errorf("%s works after %s, whose container was started again", is.Pod, was.Pod)
	}
	return evidence + ", took its own term over; " + told, err
}

// deleteWorker: the program does not handle SIGTERM; its pod, once terminal, is the proof.
func deleteWorker(ctx context.Context, w *world, _ corev1.Pod) (string, error) {
	pod, was, err := w.workingPod(ctx)
	if err != nil {
		return "", err
	}
	evidence, err := deletePod(ctx, w, pod)
	if err != nil {
		return "", err
	}
	_, told, err := w.another(ctx, was)
	return evidence + "; " + told, err
}

// handOverWork asks for a move as people do.
func handOverWork(ctx context.Context, w *world, _ corev1.Pod) (string, error) {
	pod, was, err := w.workingPod(ctx)
	if err != nil {
		return "", err
	}
	found, err := w.pods(ctx, namespace, "app", worker)
	if err != nil {
		return "", err
	}
	to := ""
	for _, p := range found {
		if p.UID != pod.UID && isReady(p) {
			to = p.Name
		}
	}
	policy := &v1alpha1.LeaderPolicy{}
	policy.Namespace, policy.Name = namespace, worker
	request := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.HandoverAnnotation, to)
	if err := w.Patch(ctx, policy, client.RawPatch(types.MergePatchType, []byte(request))); err != nil {
		return "", err
	}
	is, told, err := w.another(ctx, was)
	if err == nil && is.Pod != to {
		err = fmt.Errorf("%s was to work, and %s does", to, is.Pod)
	}
	if err == nil && !w.works.hasEnded(was.Term) {
		err = fmt.Errorf("%s was not told to end", was.Pod)
	}
	return told, err
}

// cutWorkerOff: the process on the unplugged node lives on, and stops its work by its own clock before another begins.
func cutWorkerOff(ctx context.Context, w *world, _ corev1.Pod) (string, error) {
	pod, was, err := w.workingPod(ctx)
	if err != nil {
		return "", err
	}
	if pod.Spec.NodeName == kept {
		if _, err := handOverWork(ctx, w, corev1.Pod{}); err != nil {
			return "", err
		}
		return cutWorkerOff(ctx, w, corev1.Pod{})
	}
	node := cluster.Component(pod.Spec.NodeName)
	if err := w.cluster.CutOff(ctx, node); err != nil {
		return "", err
	}
	_, _, err = w.another(ctx, was)
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
	// What it did meanwhile is heard once its node is back.
	err = w.await(ctx, soon, "the log of the worker that was cut off", func(ctx context.Context) error {
		// The log that was followed may hang on a connection of before.
		if err := w.works.readLog(ctx, namespace, was.Pod, false); err != nil {
			return err
		}
		if !w.works.hasEnded(was.Term) {
			return errNotYet
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	_, told, err := w.another(ctx, was)
	evidence := []string{fmt.Sprintf("%s unplugged, process %d lived on and ended its work itself", node, living[0]), told}
	return strings.Join(evidence, "; "), err
}
