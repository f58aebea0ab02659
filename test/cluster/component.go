package cluster

// Component names one part of a control plane, by the name of its binary.
type Component string

const (
	Etcd              Component = "etcd"
	APIServer         Component = "kube-apiserver"
	ControllerManager Component = "kube-controller-manager"
	Scheduler         Component = "kube-scheduler"
	// Kwok stands for the kubelets of the fake nodes; it is always a process of its own.
	Kwok Component = "kwok"
	// kubeProxy is not a process of its own: it ends with its node.
	kubeProxy Component = "kube-proxy"
	// ControlPlane is the one process that holds all components but Kwok in the layout OneProcess.
	ControlPlane Component = "control-plane"
)

// Layout says how components are spread over processes.
type Layout int

const (
	// OneProcess runs etcd, API server, controller manager and scheduler as goroutines of one process: the fastest start and the least memory.
	OneProcess Layout = iota
	// Separate runs every component as a process of its own, so that each can be killed, frozen and restarted.
	Separate
)
