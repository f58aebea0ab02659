package cluster

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Switch is the process that holds the network of the real nodes.
const Switch Component = "switch"

// nodePrefix begins the name of every real node.
const nodePrefix = "node-"

// Node is the component that is one real node, counted from one: the first process of its namespaces, with which kubelet, container runtime
// and all containers end. The Node object has the same name.
func Node(number int) Component { return Component(fmt.Sprintf("%s%d", nodePrefix, number)) }

func (c Component) isNode() bool { return strings.HasPrefix(string(c), nodePrefix) }

func (o Options) nodes() []Component {
	var nodes []Component
	for i := range o.Nodes {
		nodes = append(nodes, Node(i+1))
	}
	return nodes
}

// ErrNoRights is returned by Start where this process may not make real nodes.
var ErrNoRights = errors.New("real nodes need root with CAP_SYS_ADMIN: they are made of mount, network and PID namespaces and of control groups")

// maxNodes keeps addresses in one byte, and is more than a machine for development carries.
const maxNodes = 20

func (o Options) validateNodes() error {
	switch {
	case o.Nodes < 0 || o.Nodes > maxNodes:
		return fmt.Errorf("%d nodes: want 0 to %d", o.Nodes, maxNodes)
	case o.Nodes == 0 && len(o.Images) > 0:
		return errors.New("images are for real nodes, of which there are none")
	case o.Nodes > 0 && o.APIOnly:
		return errors.New("real nodes need controller manager and scheduler")
	case o.Nodes > 0 && !mayMakeNamespaces():
		return ErrNoRights
	}
	return nil
}

// mayMakeNamespaces says whether this process has CAP_SYS_ADMIN, which root has, unless it is that of a container with few rights.
func mayMakeNamespaces() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	err := unix.Capget(&header, &sets[0])
	return err == nil && sets[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

// nodePrograms are the processes of the real nodes. The switch is started before and the machines after everything else.
func (s setup) nodePrograms() (network program, machines []program) {
	network = s.program(Switch, s.binaries.node, []string{"switch", s.home.path("switch.json")})
	network.namespaces = switchNamespaces
	for _, node := range s.options.nodes() {
		machine := s.program(node, s.binaries.node, []string{"machine", s.machineFile(node, "machine.json")})
		machine.namespaces = machineNamespaces
		machines = append(machines, machine)
	}
	return network, machines
}

// readyNodes makes what the machines need, once the switch, on which their names depend, runs.
func (c *Cluster) readyNodes() error {
	owner := c.processes[Switch].identity
	c.state.Nodes = outside{Cgroup: cgroupName(owner), Uplink: c.setup.network.uplink()}
	if err := makeCgroups(c.state.Nodes.Cgroup, c.setup.options.nodes()); err != nil {
		return err
	}
	for i, node := range c.setup.options.nodes() {
		if err := c.setup.writeMachine(i+1, node, owner.PID, c.state.Nodes.Cgroup); err != nil {
			return fmt.Errorf("files of %s: %w", node, err)
		}
	}
	return nil
}

// awaitNode returns when pods can run on the node.
func (c *Cluster) awaitNode(ctx context.Context, node Component) error {
	client, err := kubernetes.NewForConfig(c.admin)
	if err != nil {
		return fmt.Errorf("client of the API server: %w", err)
	}
	since := c.processes[node].began
	return c.await(ctx, string(node), func(ctx context.Context) error { return checkNode(ctx, client, node, since) })
}

// checkNode asks for a sign of life that is younger than the machine: an earlier one of the same name may have been Ready, too.
func checkNode(ctx context.Context, client kubernetes.Interface, name Component, since time.Time) error {
	node, err := client.CoreV1().Nodes().Get(ctx, string(name), metav1.GetOptions{})
	if err != nil {
		return err
	}
	lease, err := client.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(ctx, string(name), metav1.GetOptions{})
	if err != nil {
		return err
	}
	if lease.Spec.RenewTime == nil || lease.Spec.RenewTime.Time.Before(since) {
		return fmt.Errorf("%s has not renewed its Lease yet", name)
	}
	if !isReady(*node) || isTainted(*node) {
		return fmt.Errorf("%s is not ready", name)
	}
	return nil
}

// ContainerProcesses are the PIDs, as this machine counts them, of the processes in a container on a real node. The ID is that of the
// pod's status, with or without its scheme. None is an error: the container has ended, or never began.
func (c *Cluster) ContainerProcesses(containerID string) ([]int, error) {
	_, id, schemed := strings.Cut(containerID, "://")
	if !schemed {
		id = containerID
	}
	// Every name contains it, and somebody may kill what is returned.
	if id == "" {
		return nil, errors.New("the container has no ID yet")
	}
	hierarchies, err := cgroupHierarchies()
	if err != nil {
		return nil, err
	}
	for _, hierarchy := range hierarchies {
		pids, err := processesIn(filepath.Join(hierarchy, c.state.Nodes.Cgroup), id)
		if err != nil || len(pids) > 0 {
			return pids, err
		}
	}
	return nil, fmt.Errorf("container %s: %w", id, ErrNotRunning)
}

// CutOff pulls the network cable of a real node: its processes go on, and nothing reaches them nor comes from them.
func (c *Cluster) CutOff(ctx context.Context, node Component) error {
	return c.setCable(ctx, node, "down")
}

// Reconnect plugs the cable of a real node in again.
func (c *Cluster) Reconnect(ctx context.Context, node Component) error {
	return c.setCable(ctx, node, "up")
}

func (c *Cluster) setCable(ctx context.Context, node Component, state string) error {
	var owner int
	if err := c.onProcess(Switch, func(p *process) error { owner = p.PID; return nil }); err != nil {
		return err
	}
	if err := run(ctx, c.setup.binaries.node, "cable", fmt.Sprint(owner), string(node), state); err != nil {
		return fmt.Errorf("cable of %s: %w", node, err)
	}
	return nil
}
