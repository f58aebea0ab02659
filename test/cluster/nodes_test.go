package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kube-zen/zen-lead/test/cluster"
)

// Whoever has no right to make them is told so; all others get nodes.
func TestRealNodes(t *testing.T) {
	if exec.CommandContext(t.Context(), "unshare", "--mount", "--net", "--pid", "--fork", "true").Run() != nil {
		if _, err := cluster.Start(t.Context(), cluster.Options{Nodes: 1}); !errors.Is(err, cluster.ErrNoRights) {
			t.Errorf("without rights: %v", err)
		}
		return
	}
	c := start(t, cluster.Options{Nodes: 2})
	client := clientOf(t, c)
	target := cluster.Node(2)

	pod := runPause(t, client, target)
	pids, err := c.ContainerProcesses(pod.Status.ContainerStatuses[0].ContainerID)
	if err != nil || len(pids) != 1 {
		t.Fatalf("processes of %s: %v, %v", pod.Name, pids, err)
	}
	if program := programOf(t, pids[0]); program != "pause" {
		t.Errorf("process %d is %s", pids[0], program)
	}
	t.Run("a killed process is started again by the kubelet", func(t *testing.T) {
		if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		pod = awaitPod(t, client, pod.Name, func(p corev1.Pod) bool { return p.Status.ContainerStatuses[0].RestartCount == 1 })
		if got := pod.Status.ContainerStatuses[0].LastTerminationState.Terminated; got == nil || got.ExitCode != 137 {
			t.Errorf("it ended with %+v", got)
		}
	})
	t.Run("a node that is cut off is reached again when it is reconnected", func(t *testing.T) {
		cutOff(t, c, client, target)
	})
	t.Run("a frozen node stands still with what runs on it", func(t *testing.T) {
		freezeNode(t, c, client, target, pod)
	})
	t.Run("a killed node takes its processes along and comes back", func(t *testing.T) {
		killNode(t, c, client, target, pod)
	})
	t.Run("Stop leaves nothing behind", func(t *testing.T) {
		own := traces(t, c)
		if before := found(t, own); len(before) < 2 {
			t.Errorf("before: %v, want an interface and control groups", before)
		}
		if err := c.Stop(); err != nil {
			t.Fatal(err)
		}
		if after := found(t, own); len(after) > 0 {
			t.Errorf("left behind: %v", after)
		}
	})
}

// runPause runs an image that every node has.
func runPause(t *testing.T, client kubernetes.Interface, on cluster.Component) corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "pause", Namespace: "default"},
		Spec: corev1.PodSpec{
			NodeName:   string(on),
			Containers: []corev1.Container{{Name: "pause", Image: "localhost/pause:dev", ImagePullPolicy: corev1.PullNever}},
		},
	}
	if _, err := client.CoreV1().Pods("default").Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return awaitPod(t, client, pod.Name, isPodReady)
}

func isPodReady(p corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

func awaitPod(t *testing.T, client kubernetes.Interface, name string, is func(corev1.Pod) bool) (pod corev1.Pod) {
	t.Helper()
	eventually(t, "pod "+name, func(ctx context.Context) error {
		found, err := client.CoreV1().Pods("default").Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		pod = *found
		if !is(pod) {
			return fmt.Errorf("it is %+v", pod.Status)
		}
		return nil
	})
	return pod
}

// eventually polls for what kubelets do, within a minute.
func eventually(t *testing.T, what string, check func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		case <-tick.C:
		}
	}
}

// askKubelet sends a request to a kubelet through the API server.
func askKubelet(ctx context.Context, client kubernetes.Interface, node cluster.Component) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return client.CoreV1().RESTClient().Get().Resource("nodes").Name(string(node)).SubResource("proxy").Suffix("healthz").Do(ctx).Error()
}

func cutOff(t *testing.T, c *cluster.Cluster, client kubernetes.Interface, node cluster.Component) {
	if err := askKubelet(t.Context(), client, node); err != nil {
		t.Fatalf("before: %v", err)
	}
	if err := c.CutOff(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	if err := askKubelet(t.Context(), client, node); err == nil {
		t.Error("a kubelet that is cut off answers")
	}
	if err := c.Reconnect(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the kubelet", func(ctx context.Context) error { return askKubelet(ctx, client, node) })
}

func programOf(t *testing.T, pid int) string {
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		t.Error(err)
	}
	return filepath.Base(program)
}

func freezeNode(t *testing.T, c *cluster.Cluster, client kubernetes.Interface, node cluster.Component, pod corev1.Pod) {
	pids, err := c.ContainerProcesses(pod.Status.ContainerStatuses[0].ContainerID)
	if err != nil {
		t.Fatal(err)
	}
	state := func() string {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pids[0]))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(status))[2]
	}
	if pid, err := c.PID(node); err != nil || programOf(t, pid) != "node" {
		t.Errorf("process %d is not the node's (%v)", pid, err)
	}
	if err := c.Freeze(node); err != nil {
		t.Fatal(err)
	}
	if s := state(); s != "T" {
		t.Errorf("the process in the container is in state %s", s)
	}
	if err := askKubelet(t.Context(), client, node); err == nil {
		t.Error("a kubelet that is frozen answers")
	}
	if err := c.Resume(node); err != nil {
		t.Fatal(err)
	}
	if s := state(); s == "T" {
		t.Error("the process in the container stands still")
	}
	eventually(t, "the kubelet", func(ctx context.Context) error { return askKubelet(ctx, client, node) })
}

func killNode(t *testing.T, c *cluster.Cluster, client kubernetes.Interface, node cluster.Component, pod corev1.Pod) {
	if err := c.Kill(node); err != nil {
		t.Fatal(err)
	}
	if pids, err := c.ContainerProcesses(pod.Status.ContainerStatuses[0].ContainerID); !errors.Is(err, cluster.ErrNotRunning) {
		t.Errorf("the container has the processes %v (%v)", pids, err)
	}
	if err := c.Restart(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	awaitPod(t, client, pod.Name, func(p corev1.Pod) bool {
		return p.Status.ContainerStatuses[0].ContainerID != pod.Status.ContainerStatuses[0].ContainerID && isPodReady(p)
	})
}

// traces are what is on the machine of this cluster, and goes with it: its interface and its control groups. Others may run
// beside it, and what a killed one left goes when this one starts.
func traces(t *testing.T, c *cluster.Cluster) (patterns []string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(c.Dir, "cluster.json"))
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		Nodes struct{ Cgroup, Uplink string }
	}
	if err := json.Unmarshal(content, &state); err != nil || state.Nodes.Cgroup == "" || state.Nodes.Uplink == "" {
		t.Fatalf("%s: %v", content, err)
	}
	return []string{
		"/sys/class/net/" + state.Nodes.Uplink,
		"/sys/fs/cgroup/" + state.Nodes.Cgroup, "/sys/fs/cgroup/*/" + state.Nodes.Cgroup,
	}
}

func found(t *testing.T, patterns []string) []string {
	t.Helper()
	var all []string
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, paths...)
	}
	return all
}
