package cluster

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"text/template"
)

// The namespaces that a process of a real node gets; everything in them ends with it.
const (
	switchNamespaces  = syscall.CLONE_NEWNET
	machineNamespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC
)

// runtimeSocket is in a folder that each machine has for itself.
const runtimeSocket = "/run/containerd/containerd.sock"

// containerdTOML is the configuration of the container runtime.
//
//go:embed containerd.toml
var containerdTOML string

func (s setup) machineFile(node Component, name string) string {
	return s.home.path(string(node), name)
}

// writeSwitch writes what the switch reads.
func (s setup) writeSwitch() error {
	return writeJSON(s.home.path("switch.json"), map[string]any{"uplink": s.network.uplink(), "address": withPrefix(s.network.gateway())})
}

// writeMachine writes what the programs of one node read.
func (s setup) writeMachine(number int, node Component, switchPID int, cgroup string) error {
	if err := os.MkdirAll(s.machineFile(node, "cni"), 0o755); err != nil {
		return err
	}
	files := map[string]any{
		"machine.json":             s.machine(number, node, switchPID),
		"kubelet.json":             s.kubelet(number, node, cgroup),
		"kube-proxy.json":          s.kubeProxy(number, node),
		"cni/10-machines.conflist": s.podNetwork(number),
	}
	for name, content := range files {
		if err := writeJSON(s.machineFile(node, name), content); err != nil {
			return err
		}
	}
	return s.writeContainerd(node)
}

func writeJSON(file string, content any) error {
	encoded, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(encoded, '\n'), 0o644)
}

// machine is the plan of a machine; test/kubernetes/node has the type.
func (s setup) machine(number int, node Component, switchPID int) map[string]any {
	program := func(name string, args ...string) map[string]any {
		return map[string]any{"name": name, "args": args, "log": s.home.path("log", string(node)+"-"+name+".log")}
	}
	containerd := program("containerd", s.binaries.foreign.containerd, "--config="+s.machineFile(node, "containerd.toml"))
	containerd["socket"] = runtimeSocket
	containerd["load"] = []string{s.binaries.foreign.ctr, "--address=" + runtimeSocket, "--namespace=k8s.io", "images", "import"}
	containerd["images"] = s.binaries.images
	return map[string]any{
		"name":    node,
		"switch":  switchPID,
		"address": withPrefix(s.network.machine(number)),
		"gateway": s.network.gateway(),
		"routes":  s.routesFrom(number),
		"setup":   [][]string{{s.binaries.foreign.nft, masquerade}},
		"keep":    append([]string{s.home.dir, filepath.Dir(s.binaries.node), s.binaries.foreign.cni}, s.binaries.images...),
		"runtime": containerd,
		"programs": []any{
			program("kubelet", s.binaries.node, "kubelet",
				"--config="+s.machineFile(node, "kubelet.json"),
				"--kubeconfig="+s.kubeconfig(node),
				"--hostname-override="+string(node),
				"--node-ip="+s.network.machine(number)),
			program("kube-proxy", s.binaries.node, "kube-proxy", "--config="+s.machineFile(node, "kube-proxy.json")),
		},
	}
}

// masquerade lets what leaves a node for anything but a pod carry the node's address: nobody else knows a way back to pods.
const masquerade = "add table ip machines; " +
	"add chain ip machines out { type nat hook postrouting priority srcnat; }; " +
	"add rule ip machines out ip saddr " + podNetwork + " ip daddr != " + podNetwork + " masquerade"

// routesFrom lead from one machine to the pods on the others.
func (s setup) routesFrom(number int) []map[string]string {
	routes := []map[string]string{}
	for other := 1; other <= s.options.Nodes; other++ {
		if other != number {
			routes = append(routes, map[string]string{"to": podsOf(other), "via": s.network.machine(other)})
		}
	}
	return routes
}

func (s setup) kubelet(number int, node Component, cgroup string) map[string]any {
	return map[string]any{
		"apiVersion": "kubelet.config.k8s.io/v1beta1",
		"kind":       "KubeletConfiguration",
		"address":    s.network.machine(number),
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false},
			"webhook":   map[string]any{"enabled": true},
			"x509":      map[string]any{"clientCAFile": s.pki("ca.crt")},
		},
		"authorization":            map[string]any{"mode": "Webhook"},
		"tlsCertFile":              s.pki(string(node) + ".crt"),
		"tlsPrivateKeyFile":        s.pki(string(node) + ".key"),
		"containerRuntimeEndpoint": "unix://" + runtimeSocket,
		"clusterDNS":               []string{dnsAddress},
		"clusterDomain":            "cluster.local",
		// Names of the world outside are nobody's business here: the nodes have no way there.
		"resolvConf":   "/run/resolv.conf",
		"cgroupDriver": "cgroupfs",
		"cgroupRoot":   "/" + cgroup + "/" + string(node),
		// Version 1 and hybrid machines are still many, and kubelet refuses them by default.
		"failCgroupV1": false,
		"failSwapOn":   false,
		// Images are loaded once and come from nowhere: a collected one would be gone for good.
		"imageGCHighThresholdPercent": 100,
		"imageGCLowThresholdPercent":  99,
		// The node's disk is the caller's, and how full that is says nothing about the node.
		"evictionHard":           map[string]string{"memory.available": "50Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
		"enforceNodeAllocatable": []string{},
		"serializeImagePulls":    false,
		"volumePluginDir":        "/run/kubelet-plugins",
	}
}

func (s setup) kubeProxy(number int, node Component) map[string]any {
	return map[string]any{
		"apiVersion":       "kubeproxy.config.k8s.io/v1alpha1",
		"kind":             "KubeProxyConfiguration",
		"clientConnection": map[string]any{"kubeconfig": s.kubeconfig(kubeProxy)},
		"clusterCIDR":      podNetwork,
		"mode":             "nftables",
		"hostnameOverride": node,
		// Connection tracking is sized for the whole machine, which is not ours to size.
		"conntrack":          map[string]any{"maxPerCore": 0, "min": 0, "tcpCloseWaitTimeout": "0s", "tcpEstablishedTimeout": "0s"},
		"bindAddress":        s.network.machine(number),
		"healthzBindAddress": s.network.machine(number) + ":10256",
		"metricsBindAddress": "127.0.0.1:10249",
	}
}

// podNetwork is the CNI configuration: a bridge in each machine, with addresses given out by the machine itself.
func (s setup) podNetwork(number int) map[string]any {
	return map[string]any{
		"cniVersion": "1.0.0",
		"name":       "machines",
		"plugins": []any{map[string]any{
			"type":        "bridge",
			"bridge":      "pods",
			"isGateway":   true,
			"hairpinMode": true,
			"ipam": map[string]any{
				"type":    "host-local",
				"dataDir": "/run/cni-addresses",
				"ranges":  []any{[]any{map[string]string{"subnet": podsOf(number)}}},
				"routes":  []any{map[string]string{"dst": "0.0.0.0/0"}},
			},
		}},
	}
}

func (s setup) writeContainerd(node Component) error {
	var content bytes.Buffer
	values := map[string]string{
		"Socket": runtimeSocket,
		"Pause":  pauseImage,
		"CNI":    s.binaries.foreign.cni,
		"Conf":   s.machineFile(node, "cni"),
	}
	if err := template.Must(template.New("containerd").Parse(containerdTOML)).Execute(&content, values); err != nil {
		return err
	}
	return os.WriteFile(s.machineFile(node, "containerd.toml"), content.Bytes(), 0o644)
}
