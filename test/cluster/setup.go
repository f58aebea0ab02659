package cluster

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// setup is everything that is settled before the first process starts: directory, ports, keys, binaries.
type setup struct {
	options  Options
	home     home
	binaries binaries
	ports    map[Component]port
	// network is that of the real nodes.
	network network
	ca      *authority
	admin   credential
}

// etcdPeer is not a component, but needs a port: etcd insists on one for peers that never come.
const etcdPeer Component = "etcd-peer"

// administrator is the name of the cluster's own kubeconfig file.
const administrator Component = "admin"

// masters may do everything, whatever the roles say.
const masters = "system:masters"

func (s setup) pki(file string) string { return s.home.path("pki", file) }

func (s setup) kubeconfig(user Component) string { return s.home.path(string(user) + ".kubeconfig") }

// components are those that the options ask for, in the order of their needs.
func (o Options) components() []Component {
	wanted := []Component{Etcd, APIServer}
	if !o.APIOnly {
		wanted = append(wanted, ControllerManager, Scheduler)
	}
	if o.FakeNodes > 0 {
		wanted = append(wanted, Kwok)
	}
	return wanted
}

func (o Options) validate() error {
	if o.Detached && o.Dir == "" {
		return fmt.Errorf("a detached cluster needs Options.Dir: nobody could find it again")
	}
	if o.FakeNodes < 0 {
		return fmt.Errorf("%d fake nodes", o.FakeNodes)
	}
	if err := o.validateNodes(); err != nil {
		return err
	}
	for component := range o.ExtraArgs {
		if !slices.Contains(o.components(), component) {
			return fmt.Errorf("extra arguments for %q, which is not among the cluster's components %v", component, o.components())
		}
	}
	return nil
}

// prepare reserves ports and writes all files that the components read.
func prepare(options Options, at home, with binaries, report reporter) (setup, error) {
	s := setup{options: options, home: at, binaries: with, ports: map[Component]port{}}
	if options.Nodes > 0 {
		sweepCgroups(report)
		reserved, err := reserveNetwork()
		if err != nil {
			return setup{}, err
		}
		s.network = reserved
	}
	for _, user := range append(options.components(), etcdPeer) {
		reserved, err := reservePort(s.hostOf(user))
		if err != nil {
			s.release()
			return setup{}, err
		}
		s.ports[user] = reserved
	}
	if err := s.writeFiles(); err != nil {
		s.release()
		return setup{}, fmt.Errorf("prepare %s: %w", at.dir, err)
	}
	return s, nil
}

// hostOf is the address that a component listens on. What runs on real nodes must reach the API server.
func (s setup) hostOf(component Component) string {
	if component == APIServer && s.options.Nodes > 0 {
		return s.network.gateway()
	}
	return loopback
}

// release gives ports and network back.
func (s setup) release() {
	s.network.release()
	for reserved := range maps.Values(s.ports) {
		reserved.release()
	}
}

func (s *setup) writeFiles() error {
	for _, dir := range []string{"pki", "data", "log"} {
		if err := os.MkdirAll(s.home.path(dir), 0o755); err != nil {
			return err
		}
	}
	if err := s.writeKeys(); err != nil {
		return err
	}
	if err := s.writeKubeconfigs(); err != nil {
		return err
	}
	if s.options.Nodes > 0 {
		if err := s.writeSwitch(); err != nil {
			return err
		}
	}
	return s.writeAuditPolicy()
}

func (s *setup) writeKeys() error {
	ca, err := newAuthority()
	if err != nil {
		return err
	}
	s.ca = ca
	makers := map[string]func() (credential, error){
		"ca":                 ca.own,
		"server":             func() (credential, error) { return ca.issueServer(s.hostOf(APIServer)) },
		"etcd-client":        func() (credential, error) { return ca.issueClient("kube-apiserver-etcd-client") },
		"front-proxy-client": func() (credential, error) { return ca.issueClient("front-proxy-client") },
		"kubelet-client":     func() (credential, error) { return ca.issueClient("kube-apiserver-kubelet-client", masters) },
	}
	for i, node := range s.options.nodes() {
		makers[string(node)] = func() (credential, error) { return ca.issueKubelet(string(node), s.network.machine(i+1)) }
	}
	for name, issue := range makers {
		made, err := issue()
		if err != nil {
			return err
		}
		if err := made.write(s.home.path("pki"), name); err != nil {
			return err
		}
	}
	return writeSigningKey(s.home.path("pki"))
}

// writeKubeconfigs gives each client of the API server a name of its own, which the audit log shows.
func (s *setup) writeKubeconfigs() error {
	users := map[Component][]string{
		administrator:     {"admin", masters},
		ControllerManager: {"system:kube-controller-manager"},
		Scheduler:         {"system:kube-scheduler"},
		Kwok:              {"kwok", masters},
		kubeProxy:         {"system:kube-proxy"},
	}
	for _, node := range s.options.nodes() {
		users[node] = []string{"system:node:" + string(node), "system:nodes"}
	}
	for user, names := range users {
		made, err := s.ca.issueClient(names[0], names[1:]...)
		if err != nil {
			return err
		}
		if user == administrator {
			s.admin = made
		}
		info := clientcmdapi.AuthInfo{ClientCertificateData: made.certificate, ClientKeyData: made.key}
		authority := encode("CERTIFICATE", s.ca.certificate.Raw)
		if err := writeKubeconfig(s.kubeconfig(user), s.ports[APIServer].url(), authority, info); err != nil {
			return err
		}
	}
	return nil
}

func writeKubeconfig(path, server string, authority []byte, user clientcmdapi.AuthInfo) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["local"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: authority}
	config.AuthInfos["user"] = &user
	config.Contexts["local"] = &clientcmdapi.Context{Cluster: "local", AuthInfo: "user"}
	config.CurrentContext = "local"
	content, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	return os.WriteFile(path, content, 0o600)
}

// writeAuditPolicy asks for one line per request, when its answer is complete.
func (s *setup) writeAuditPolicy() error {
	policy := map[string]any{
		"apiVersion": "audit.k8s.io/v1",
		"kind":       "Policy",
		"omitStages": []string{"RequestReceived"},
		"rules":      []map[string]string{{"level": "Metadata"}},
	}
	content, err := json.Marshal(policy)
	if err != nil {
		return fmt.Errorf("encode audit policy: %w", err)
	}
	return os.WriteFile(s.home.path("audit-policy.json"), content, 0o644)
}
