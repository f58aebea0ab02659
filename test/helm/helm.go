// Package helm runs helm at the version of hack/tools/helm, away from the settings, caches and credentials of whoever runs it.
package helm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kube-zen/zen-lead/test/cluster"
)

// Helm is a program and its folder.
type Helm struct {
	// Program is the path of helm.
	Program string
	// Home is a folder for what helm keeps; whoever made it removes it.
	Home string
	// Kubeconfig names the cluster; empty: what needs one fails.
	Kubeconfig string
}

// Build makes helm, or finds it in the go command's cache, and returns its path.
func Build(ctx context.Context) (string, error) {
	root, err := cluster.Checkout()
	if err != nil {
		return "", err
	}
	command := exec.CommandContext(ctx, "go", "tool", "-n", "helm")
	command.Dir, command.Env = filepath.Join(root, "hack", "tools", "helm"), append(os.Environ(), "GOWORK=off")
	path, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("build helm: %w", err)
	}
	return strings.TrimSpace(string(path)), nil
}

// Run returns what helm prints; what it complains about is part of the error.
func (h Helm) Run(ctx context.Context, args ...string) (string, error) {
	command := exec.CommandContext(ctx, h.Program, args...)
	command.Env = append(os.Environ(),
		"HELM_CACHE_HOME="+filepath.Join(h.Home, "cache"),
		"HELM_CONFIG_HOME="+filepath.Join(h.Home, "config"),
		"HELM_DATA_HOME="+filepath.Join(h.Home, "data"),
		"HELM_REGISTRY_CONFIG="+filepath.Join(h.Home, "registry.json"),
		"DOCKER_CONFIG="+h.Home,
		"KUBECONFIG="+h.Kubeconfig,
	)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	printed, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("helm %q: %w: %s", args, err, bytes.TrimSpace(complaint.Bytes()))
	}
	return string(printed), nil
}
