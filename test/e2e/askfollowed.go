package e2e

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// grpcPort is where the controllers serve the API by gRPC.
const grpcPort = 9090

// heardOf is one line of the guide's programs: a leader's name, and a term.
type heardOf struct {
	leader string
	term   int64
	at     time.Time
}

func parseHeard(text string, at time.Time) (heardOf, bool) {
	h := heardOf{at: at}
	_, err := fmt.Sscanf(text, "%s %d", &h.leader, &h.term)
	return h, err == nil
}

// followed is what the guide's two programs were told: the Go program in a pod, and watch.py outside.
type followed struct {
	*outsider
	pod    corev1.Pod
	python *stream

	mu  sync.Mutex
	log []heardOf
	// want are the moves that were made, as the policy's status tells of them.
	want []heardOf
}

// followFromOutside runs the guide's programs with the volume that it shows, and takes away the replica that the one in the pod is
// connected to, in good order and by a kill, while the lead moves.
func followFromOutside(ctx context.Context, w *world, leader corev1.Pod) (string, error) {
	o, err := w.admit(ctx)
	if err != nil {
		return "", err
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	f := &followed{outsider: o}
	if err := f.start(ctx); err != nil {
		return "", err
	}
	defer f.python.end()
	if err := f.awaitMove(ctx, leader.Name); err != nil {
		return "", err
	}
	var told []string
	for _, step := range []struct {
		name   string
		happen func(context.Context) error
	}{
		{"handed over", func(context.Context) error { return nil }},
		{"its replica deleted", f.deleteReplica},
		{"its replica killed", f.killReplica},
		{"all replicas replaced before", f.replaceReplicas},
	} {
		took, err := f.step(ctx, step.happen)
		if err != nil {
			return "", fmt.Errorf("%s: %w", step.name, err)
		}
		told = append(told, fmt.Sprintf("%s: the pod heard of the next leader %s after it led", step.name, took.Round(time.Millisecond)))
	}
	_, err = w.cluster.Kubectl(ctx, "delete", "pod", dashboard, "--wait=false")
	return strings.Join(told, "; "), err
}

// start starts both programs.
func (f *followed) start(ctx context.Context) (err error) {
	authority, err := f.guideBlock("kubectl create configmap")
	if err != nil {
		return err
	}
	if _, err := f.asAdministrator(ctx, authority); err != nil {
		return err
	}
	example, err := os.ReadFile(filepath.Join(f.root, "examples", "ask", "pod.yaml"))
	if err != nil {
		return err
	}
	file := filepath.Join(f.dir, "pod.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(example), "registry.example/dashboard", "localhost/dashboard:dev")), 0o644); err != nil {
		return err
	}
	if _, err := f.cluster.Kubectl(ctx, "apply", "-f", file); err != nil {
		return err
	}
	if _, err := f.cluster.Kubectl(ctx, "wait", "--for=condition=Ready", "pod/"+dashboard, "--timeout=60s"); err != nil {
		return err
	}
	if err := f.Get(ctx, client.ObjectKey{Namespace: namespace, Name: dashboard}, &f.pod); err != nil {
		return err
	}
	go func() {
		_ = f.tail(ctx, f.pod, f.pod.Status.ContainerStatuses[0], f.hear) // that nothing is heard is noticed
	}()
	f.python, err = f.begin(ctx, "watch.py", "CA_FILE=ca.crt python3 examples/ask/watch.py https://zen-lead-api.zen-lead-system.svc/v1/leader/pool/web/watch")
	return err
}

func (f *followed) hear(line said) {
	if h, ok := parseHeard(line.text, line.at); ok {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.log = append(f.log, h)
	}
}

// step makes a thing happen, hands over in the same moment, and returns how long after the next leader's first moment the pod knew.
func (f *followed) step(ctx context.Context, happen func(context.Context) error) (took time.Duration, err error) {
	if err := f.settle(ctx); err != nil {
		return 0, err
	}
	leader, err := f.leader(ctx)
	if err != nil {
		return 0, err
	}
	others, err := f.followers(ctx, leader)
	if err != nil {
		return 0, err
	}
	if err := happen(ctx); err != nil {
		return 0, err
	}
	if err := f.requestHandover(ctx, pool, others[0].Name); err != nil {
		return 0, err
	}
	if err := f.awaitMove(ctx, others[0].Name); err != nil {
		return 0, err
	}
	heard := f.heard()
	last := heard[len(heard)-1]
	if _, err := f.cluster.Kubectl(ctx, "rollout", "status", "deployment/"+release, "--namespace", installNamespace, "--timeout=60s"); err != nil {
		return 0, err
	}
	return last.at.Sub(f.want[len(f.want)-1].at), nil
}

func (f *followed) heard() []heardOf {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.log)
}

// awaitMove waits until a pod leads and both programs know, and wants them to have been told of every move, in order, and of nothing else.
func (f *followed) awaitMove(ctx context.Context, to string) error {
	err := f.await(ctx, soon, to+" to lead", func(ctx context.Context) error {
		var policy v1alpha1.LeaderPolicy
		if err := f.Get(ctx, client.ObjectKey{Namespace: namespace, Name: pool}, &policy); err != nil {
			return err
		}
		h := policy.Status.CurrentHolder
		if h == nil || h.Name != to {
			return errNotYet
		}
		f.want = append(f.want, heardOf{leader: h.Name, term: policy.Status.Term, at: h.StartTime.Time})
		return nil
	})
	if err != nil {
		return err
	}
	want := f.want[len(f.want)-1]
	err = f.await(ctx, soon, "the programs to know", func(context.Context) error {
		said, ended := f.python.said()
		if ended != nil {
			return ended
		}
		if heard := f.heard(); len(heard) == 0 || heard[len(heard)-1].term < want.term {
			return fmt.Errorf("%w: the pod heard %v", errNotYet, heard)
		}
		if !strings.Contains(said, fmt.Sprintf("%s %d\n", want.leader, want.term)) {
			return fmt.Errorf("%w: watch.py printed %q", errNotYet, said)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var printed []heardOf
	text, _ := f.python.said()
	for line := range strings.Lines(text) {
		if h, ok := parseHeard(line, time.Time{}); ok {
			printed = append(printed, h)
		}
	}
	same := func(a, b heardOf) bool { return a.leader == b.leader && a.term == b.term }
	for name, got := range map[string][]heardOf{"the pod": f.heard(), "watch.py": printed} {
		if !slices.EqualFunc(got, f.want, same) {
			return fmt.Errorf("%s was told %v, and the leaders were %v", name, got, f.want)
		}
	}
	return nil
}

// deleteReplica deletes the controller that the pod is connected to.
func (f *followed) deleteReplica(ctx context.Context) error {
	replica, err := f.serving(ctx, f.pod.Status.PodIP)
	if err != nil {
		return err
	}
	_, err = f.cluster.Kubectl(ctx, "delete", "pod", replica.Name, "--namespace", installNamespace, "--wait=false")
	return err
}

// killReplica kills its process.
func (f *followed) killReplica(ctx context.Context) error {
	replica, err := f.serving(ctx, f.pod.Status.PodIP)
	if err != nil {
		return err
	}
	return f.signal(replica, syscall.SIGKILL)
}

// replaceReplicas waits until all are others: whoever resumes must not be told again what it knows.
func (f *followed) replaceReplicas(ctx context.Context) error {
	before, err := f.controllers(ctx)
	if err != nil {
		return err
	}
	if _, err := f.cluster.Kubectl(ctx, "rollout", "restart", "deployment/"+release, "--namespace", installNamespace); err != nil {
		return err
	}
	for _, pod := range before {
		if _, err := f.awaitGone(ctx, pod); err != nil {
			return err
		}
	}
	_, err = f.serving(ctx, f.pod.Status.PodIP)
	return err
}

// serving is the controller with a connection from that address to its gRPC port.
func (f *followed) serving(ctx context.Context, address string) (replica corev1.Pod, err error) {
	from, err := hexAddress(address)
	if err != nil {
		return replica, err
	}
	err = f.await(ctx, soon, "a connection from "+address, func(ctx context.Context) error {
		found, err := f.controllers(ctx)
		if err != nil {
			return err
		}
		for _, pod := range found {
			if len(pod.Status.ContainerStatuses) == 0 || pod.DeletionTimestamp != nil {
				continue
			}
			pids, err := f.cluster.ContainerProcesses(pod.Status.ContainerStatuses[0].ContainerID)
			if err != nil {
				return err
			}
			connections, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp6", pids[0]))
			if err != nil {
				return err
			}
			if isConnected(string(connections), from, grpcPort) {
				replica = pod
				return nil
			}
		}
		return errNotYet
	})
	return replica, err
}

// isConnected reads the kernel's table of connections: local address and port, remote address and port, 01 for one that stands.
func isConnected(table, from string, port int) bool {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) > 3 && strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", port)) && strings.HasPrefix(fields[2], from+":") && fields[3] == "01" {
			return true
		}
	}
	return false
}

// hexAddress is an IPv4 address as the kernel writes it in its table of IPv6 connections.
func hexAddress(address string) (string, error) {
	ip := net.ParseIP(address).To4()
	if ip == nil {
		return "", fmt.Errorf("%q is no IPv4 address", address)
	}
	slices.Reverse(ip)
	return "0000000000000000FFFF0000" + strings.ToUpper(hex.EncodeToString(ip)), nil
}
