package cluster

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// ErrRunning is returned by Start when a cluster already runs in Options.Dir.
var ErrRunning = errors.New("a cluster already runs in this directory")

// ErrNotRunning is returned by Open and End when no cluster runs in the directory, and by Freeze, Resume and PID for a component that has ended.
var ErrNotRunning = errors.New("not running")

// Options of a cluster. The zero value is a whole control plane in one process, without nodes, without fsync, in a temporary directory.
type Options struct {
	// Layout is OneProcess by default. KUBEBUILDER_ASSETS (with APIOnly) forces Separate: the binaries found there are separate ones.
	Layout Layout
	// APIOnly leaves controller manager and scheduler out. If the environment variable KUBEBUILDER_ASSETS is set then, etcd and
	// kube-apiserver are taken from that directory instead of being built.
	APIOnly bool
	// FakeNodes is the number of nodes whose kubelet kwok stands for. They are named fake-1, fake-2, ... and carry the label type=kwok.
	// A pod on them becomes Running and Ready at once, and kwok does not touch its conditions again: a patch of
	// the pod's status (subresource "status", condition Ready) changes its readiness and stays.
	// With APIOnly nothing schedules pods: set spec.nodeName.
	FakeNodes int
	// Nodes is the number of real nodes: kubelet, kube-proxy and containerd in namespaces of their own, named node-1, node-2, ... with a cluster
	// DNS. Needs root, and installs the Debian packages that are missing. What runs on them reaches the API server, the nodes and nothing else.
	Nodes int
	// Images are archives (OCI or docker save) that are loaded into every real node before it takes pods. Nothing can be pulled there: a pod
	// names one of these, with a pull policy of IfNotPresent or Never.
	Images []string
	// Fsync makes etcd flush each write to the disk. Off by default, which is right for tests of logic; switch it on for all that
	// claims durability or latency.
	Fsync bool
	// AuditLog makes the API server write one JSON line per finished request (level Metadata) to the file Cluster.AuditLog.
	AuditLog bool
	// ExtraArgs are appended to the flags of a component, for example {ControllerManager: {"--node-monitor-grace-period=8s"}}.
	// They win over the flags that the package sets. In the layout OneProcess they are given by the component's own name, too.
	ExtraArgs map[Component][]string
	// Dir is where state (keys, data, logs) lives. Empty: a temporary directory that Stop removes, and that the next Start of anybody removes
	// when the owner was killed. A directory given here is kept after Stop with its logs; data and keys are removed. Data of an earlier
	// cluster in it is not used again.
	Dir string
	// Progress receives lines for people: what is being built or awaited, and for how long. Nil: silent.
	Progress io.Writer
	// Detached makes the cluster outlive the caller; needs Dir. It is found again by Open and ended by End.
	Detached bool
}

// Cluster is a running control plane. Its methods are safe for concurrent use. Whoever called Start calls Stop.
type Cluster struct {
	// Kubeconfig is the absolute path of the administrator's kubeconfig (group system:masters).
	Kubeconfig string
	// Dir is the absolute path of the state directory; logs are in Dir/log, one file per process.
	Dir string
	// AuditLog is the path of the API server's audit log; empty without Options.AuditLog.
	AuditLog string

	admin    *rest.Config
	report   reporter
	setup    setup
	layout   Layout
	prober   prober
	programs []program

	// mu guards what follows, and makes faults and Stop happen one after the other.
	mu        sync.Mutex
	processes map[Component]*process
	stopped   bool
	// state mirrors the file by which a detached cluster is found again.
	state  state
	opened bool
}

// Stop ends every process of the cluster and removes its temporary directory. It may be called again, and does nothing then.
// A cluster that was found by Open is not stopped: End is for that.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return nil
	}
	if c.opened {
		return errors.New("stop cluster: another process started it; use End")
	}
	if err := c.endAll(); err != nil {
		return fmt.Errorf("stop cluster: %w", err)
	}
	c.stopped = true
	c.setup.release()
	if err := c.setup.home.clear(); err != nil {
		return fmt.Errorf("stop cluster: %w", err)
	}
	return nil
}

// endAll kills: the data is thrown away, and an orderly end of an API server takes seven seconds.
func (c *Cluster) endAll() error {
	var failed []error
	for _, process := range c.processes {
		failed = append(failed, process.kill())
	}
	return errors.Join(append(failed, c.state.Nodes.clear())...)
}

// RESTConfig returns a new configuration for the administrator, without client-side rate limit. The caller may change it.
func (c *Cluster) RESTConfig() *rest.Config { return rest.CopyConfig(c.admin) }

func (c *Cluster) loadAdmin() error {
	admin, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		return fmt.Errorf("administrator's kubeconfig: %w", err)
	}
	admin.QPS = -1
	c.admin = admin
	return nil
}
