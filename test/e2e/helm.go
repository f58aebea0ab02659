package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// release is the name that the documentation uses.
const release = "zen-lead"

// helm is the real one, with settings of its own: a developer's repositories and plugins have no part in this.
type helm struct {
	program, kubeconfig, home string
}

// newHelm builds helm, or finds it in the cache of the go command.
func newHelm(ctx context.Context, root, kubeconfig, home string) (helm, error) {
	command := exec.CommandContext(ctx, "go", "-C", filepath.Join(root, "hack", "tools", "helm"), "tool", "-n", "helm")
	command.Env = append(os.Environ(), "GOWORK=off")
	path, err := command.Output()
	if err != nil {
		return helm{}, fmt.Errorf("build helm: %w", err)
	}
	return helm{program: strings.TrimSpace(string(path)), kubeconfig: kubeconfig, home: home}, nil
}

func (h helm) run(ctx context.Context, args ...string) error {
	command := exec.CommandContext(ctx, h.program, args...)
	command.Env = append(os.Environ(),
		"KUBECONFIG="+h.kubeconfig,
		"HELM_CACHE_HOME="+filepath.Join(h.home, "cache"),
		"HELM_CONFIG_HOME="+filepath.Join(h.home, "config"),
		"HELM_DATA_HOME="+filepath.Join(h.home, "data"),
	)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("helm %s: %w: %s", args[0], err, output)
	}
	return nil
}

// install installs the chart, or upgrades to it, as the documentation says.
func (h helm) install(ctx context.Context, chart, tag string) error {
	return h.run(ctx, "upgrade", "--install", release, chart,
		"--namespace", installNamespace, "--create-namespace",
		"--set", "image.repository="+zenLeadImage, "--set", "image.tag="+tag, "--set", "tests.image="+kubectlImage,
		"--wait", "--timeout", "3m")
}

func (h helm) uninstall(ctx context.Context) error {
	return h.run(ctx, "uninstall", release, "--namespace", installNamespace, "--wait", "--timeout", "3m")
}

// test runs the chart's own test.
func (h helm) test(ctx context.Context) error {
	return h.run(ctx, "test", release, "--namespace", installNamespace, "--timeout", "3m")
}
