package cluster

// Networks of a cluster. Real nodes route those of pods and Services among themselves; without them the addresses exist in the API only.
const (
	serviceNetwork      = "10.96.0.0/16"
	kubernetesServiceIP = "10.96.0.1"
	podNetwork          = "10.244.0.0/16"
	fakePodNetwork      = "10.250.0.1/16"
	fakeNodeIP          = "10.251.0.1"
)

// flags returns the flags of a component, the caller's last: a later flag wins over an earlier one.
func (s setup) flags(component Component) []string {
	own := map[Component]func() []string{
		Etcd:              s.etcdFlags,
		APIServer:         s.apiServerFlags,
		ControllerManager: s.controllerManagerFlags,
		Scheduler:         s.schedulerFlags,
		Kwok:              s.kwokFlags,
	}[component]
	return append(own(), s.options.ExtraArgs[component]...)
}

func (s setup) etcdFlags() []string {
	client, peer := s.ports[Etcd].url(), s.ports[etcdPeer].url()
	flags := []string{
		"--name=only",
		"--data-dir=" + s.home.path("data", "etcd"),
		"--log-level=warn",
		"--listen-client-urls=" + client,
		"--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=only=" + peer,
		"--client-cert-auth=true",
		"--trusted-ca-file=" + s.pki("ca.crt"),
		"--cert-file=" + s.pki("server.crt"),
		"--key-file=" + s.pki("server.key"),
		"--peer-client-cert-auth=true",
		"--peer-trusted-ca-file=" + s.pki("ca.crt"),
		"--peer-cert-file=" + s.pki("server.crt"),
		"--peer-key-file=" + s.pki("server.key"),
	}
	if !s.options.Fsync {
		flags = append(flags, "--unsafe-no-fsync")
	}
	return flags
}

func (s setup) apiServerFlags() []string {
	flags := []string{
		"--etcd-servers=" + s.ports[Etcd].url(),
		"--etcd-cafile=" + s.pki("ca.crt"),
		"--etcd-certfile=" + s.pki("etcd-client.crt"),
		"--etcd-keyfile=" + s.pki("etcd-client.key"),
		"--bind-address=" + s.hostOf(APIServer),
		"--advertise-address=" + s.hostOf(APIServer),
		"--secure-port=" + s.ports[APIServer].String(),
		"--tls-cert-file=" + s.pki("server.crt"),
		"--tls-private-key-file=" + s.pki("server.key"),
		"--client-ca-file=" + s.pki("ca.crt"),
		"--requestheader-client-ca-file=" + s.pki("ca.crt"),
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + s.pki("front-proxy-client.crt"),
		"--proxy-client-key-file=" + s.pki("front-proxy-client.key"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + s.pki("service-account.pub"),
		"--service-account-signing-key-file=" + s.pki("service-account.key"),
		"--service-cluster-ip-range=" + serviceNetwork,
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--profiling=false",
	}
	if s.options.Nodes > 0 {
		flags = append(flags,
			"--kubelet-certificate-authority="+s.pki("ca.crt"),
			"--kubelet-client-certificate="+s.pki("kubelet-client.crt"),
			"--kubelet-client-key="+s.pki("kubelet-client.key"),
			"--kubelet-preferred-address-types=InternalIP",
		)
	} else {
		// A loopback address is refused as an endpoint of the Service "kubernetes", and the server would not become ready.
		flags = append(flags, "--endpoint-reconciler-type=none")
	}
	if s.options.APIOnly {
		// It waits for the ServiceAccount "default", which the controller manager makes.
		flags = append(flags, "--disable-admission-plugins=ServiceAccount")
	}
	if s.options.AuditLog {
		// Far above any log of ours: rotation would hide the first requests from those who count.
		flags = append(flags, "--audit-policy-file="+s.home.path("audit-policy.json"), "--audit-log-path="+s.home.path("audit.log"), "--audit-log-maxsize=10000")
	}
	return flags
}

func (s setup) controllerManagerFlags() []string {
	own := append(s.controllerFlags(ControllerManager),
		"--use-service-account-credentials=true",
		"--service-account-private-key-file="+s.pki("service-account.key"),
		"--root-ca-file="+s.pki("ca.crt"),
		"--cluster-signing-cert-file="+s.pki("ca.crt"),
		"--cluster-signing-key-file="+s.pki("ca.key"),
		// With the default limits it is the controllers' own start that takes longest: five seconds.
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
	)
	if s.options.Nodes > 0 {
		// The routes between real nodes are laid before they register, so their pods' networks are given out by number.
		return append(own, "--allocate-node-cidrs=false")
	}
	return append(own, "--allocate-node-cidrs=true", "--cluster-cidr="+podNetwork, "--node-cidr-mask-size=24")
}

func (s setup) schedulerFlags() []string {
	return append(s.controllerFlags(Scheduler), "--kube-api-qps=500", "--kube-api-burst=1000")
}

// controllerFlags are what controller manager and scheduler have in common.
func (s setup) controllerFlags(component Component) []string {
	kubeconfig := s.kubeconfig(component)
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=" + loopback,
		"--secure-port=" + s.ports[component].String(),
		"--tls-cert-file=" + s.pki("server.crt"),
		"--tls-private-key-file=" + s.pki("server.key"),
		// There is one of each: an election would only delay the start.
		"--leader-elect=false",
	}
}

func (s setup) kwokFlags() []string {
	return []string{
		"--kubeconfig=" + s.kubeconfig(Kwok),
		"--config=" + s.binaries.kwokStages,
		"--manage-all-nodes=false",
		// Real nodes may join the same cluster.
		"--manage-nodes-with-annotation-selector=" + fakeNodeAnnotation + "=fake",
		"--node-lease-duration-seconds=40",
		"--cidr=" + fakePodNetwork,
		"--node-ip=" + fakeNodeIP,
		"--server-address=" + loopback + ":" + s.ports[Kwok].String(),
	}
}
