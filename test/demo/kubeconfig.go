package demo

import (
	"fmt"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// pinned is a cluster as a user's kubeconfig names it.
type pinned struct {
	context, server string
	config          *clientcmdapi.Config
}

// pin reads the current context of kubeconfig files, a list as in KUBECONFIG. What is done later is done there, even if
// the files change meanwhile.
func pin(kubeconfig string) (pinned, error) {
	rules := &clientcmd.ClientConfigLoadingRules{Precedence: filepath.SplitList(kubeconfig)}
	config, err := rules.Load()
	if err != nil {
		return pinned{}, fmt.Errorf("KUBECONFIG=%s: %w", kubeconfig, err)
	}
	if config.CurrentContext == "" {
		return pinned{}, fmt.Errorf("KUBECONFIG=%s names no cluster: no such file, or no current-context in it", kubeconfig)
	}
	if err := clientcmdapi.MinifyConfig(config); err != nil {
		return pinned{}, fmt.Errorf("KUBECONFIG=%s: %w", kubeconfig, err)
	}
	if err := clientcmdapi.FlattenConfig(config); err != nil {
		return pinned{}, fmt.Errorf("KUBECONFIG=%s: %w", kubeconfig, err)
	}
	p := pinned{context: config.CurrentContext, config: config}
	for _, c := range config.Clusters { // one: the others were left out
		p.server = c.Server
	}
	return p, nil
}

// in returns the same with a namespace in which commands act.
func (p pinned) in(namespace string) pinned {
	p.config = p.config.DeepCopy()
	for _, c := range p.config.Contexts {
		c.Namespace = namespace
	}
	return p
}

// as returns the same for somebody else, who is known by a token.
func (p pinned) as(user, token string) pinned {
	p.config = p.config.DeepCopy()
	p.config.AuthInfos = map[string]*clientcmdapi.AuthInfo{user: {Token: token}}
	for _, c := range p.config.Contexts {
		c.AuthInfo = user
	}
	return p
}

// write makes a kubeconfig that only this user can read.
func (p pinned) write(path string) error {
	if err := clientcmd.WriteToFile(*p.config, path); err != nil {
		return fmt.Errorf("write a kubeconfig: %w", err)
	}
	return nil
}
