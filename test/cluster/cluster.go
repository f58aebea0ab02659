package cluster

import (
	"context"
	"errors"
	"io"

	"k8s.io/client-go/rest"
)

// ErrRunning is returned by Start when a cluster already runs in Options.Dir.
var ErrRunning = errors.New("a cluster already runs in this directory")

// ErrNotRunning is returned by Open when no cluster runs in the directory, and by Freeze, Resume and PID for a component that has ended.
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
	// Detached makes the cluster outlive the caller; needs Dir. It is ended by Open(Dir) and Stop.
	Detached bool
}

// Cluster is a running control plane. Its methods are safe for concurrent use. Whoever called Start calls Stop.
type Cluster struct {
	// Kubeconfig is the absolute path of the administrator's kubeconfig (group system:masters).
	Kubeconfig string
	// Dir is the absolute path of the state directory; logs are in Dir/log/<component>.log.
	Dir string
	// AuditLog is the path of the API server's audit log; empty without Options.AuditLog.
	AuditLog string
}

// Start builds what is missing, starts a cluster and waits until it is usable. The cluster lives on when ctx ends; ctx bounds only the start.
// On an error nothing is left running, and the error carries the end of the log of the component that failed.
func Start(ctx context.Context, options Options) (*Cluster, error) {
	return nil, errors.ErrUnsupported
}

// Open attaches to the cluster that runs in dir, in practice one that was started with Options.Detached. ErrNotRunning if there is none.
// Restart is not possible on it.
func Open(dir string) (*Cluster, error) {
	return nil, errors.ErrUnsupported
}

// Stop ends every process of the cluster and removes its temporary directory. It may be called again, and does nothing then.
func (c *Cluster) Stop() error {
	return errors.ErrUnsupported
}

// RESTConfig returns a new configuration for the administrator, without client-side rate limit. The caller may change it.
func (c *Cluster) RESTConfig() *rest.Config {
	return nil
}

// KubeconfigFor writes a kubeconfig for a ServiceAccount to path, with a token (TokenRequest) valid for 24 hours. The account must exist.
func (c *Cluster) KubeconfigFor(ctx context.Context, namespace, serviceAccount, path string) error {
	return errors.ErrUnsupported
}

// Kubectl runs kubectl as administrator and returns its standard output. Its standard error is part of the error.
func (c *Cluster) Kubectl(ctx context.Context, args ...string) ([]byte, error) {
	return nil, errors.ErrUnsupported
}

// Apply runs "kubectl apply -k" on a kustomize directory, exactly as a user does.
func (c *Cluster) Apply(ctx context.Context, kustomizeDir string) error {
	return errors.ErrUnsupported
}

// Kill ends a component with SIGKILL and returns when it is gone. In the layout OneProcess only ControlPlane and Kwok are processes.
func (c *Cluster) Kill(component Component) error {
	return errors.ErrUnsupported
}

// Freeze stops a component with SIGSTOP: its connections stay open and nothing answers on them.
func (c *Cluster) Freeze(component Component) error {
	return errors.ErrUnsupported
}

// Resume lets a frozen component go on.
func (c *Cluster) Resume(component Component) error {
	return errors.ErrUnsupported
}

// Restart starts a component again on its port and data, after a kill if it still runs, and waits until it is healthy.
func (c *Cluster) Restart(ctx context.Context, component Component) error {
	return errors.ErrUnsupported
}

// PID is the process that holds the component, for measuring memory and CPU. In the layout OneProcess every component but Kwok has the same.
func (c *Cluster) PID(component Component) (int, error) {
	return 0, errors.ErrUnsupported
}
