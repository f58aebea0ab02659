package cluster

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// artifact is one file that is built once and cached.
type artifact struct {
	source source
	name   string
	// pkg is the package of a binary, or, if output is set, of a program whose output is the artifact.
	pkg    string
	output bool
}

var (
	controlPlaneBinary = artifact{source: kubernetesSource, name: "control-plane", pkg: "./control-plane"}
	nodeBinary         = artifact{source: kubernetesSource, name: "node", pkg: "./node"}
	kubectlBinary      = artifact{source: kubernetesSource, name: "kubectl", pkg: "k8s.io/kubernetes/cmd/kubectl"}
	kwokBinary         = artifact{source: kwokSource, name: "kwok", pkg: "sigs.k8s.io/kwok/cmd/kwok"}
	corednsBinary      = artifact{source: corednsSource, name: "coredns", pkg: "."}
	kwokStages         = artifact{source: kwokSource, name: "stages.yaml", pkg: "./stages", output: true}
)

// Build makes the binaries of a control plane, kubectl and, withFakeNodes, kwok, or finds them in the cache. Start calls it by itself.
// The first build takes minutes; progress says how far it is. Several builders at once are safe: one builds, the others wait for it.
func Build(ctx context.Context, withFakeNodes bool, progress io.Writer) error {
	wanted := []artifact{controlPlaneBinary, kubectlBinary}
	if withFakeNodes {
		wanted = append(wanted, kwokBinary, kwokStages)
	}
	for _, a := range wanted {
		if _, err := a.obtain(ctx, newReporter(progress)); err != nil {
			return err
		}
	}
	return nil
}

// BuildKubectl makes kubectl, or finds it in the cache, and returns its path.
func BuildKubectl(ctx context.Context, progress io.Writer) (string, error) {
	return kubectlBinary.obtain(ctx, newReporter(progress))
}

// obtain returns the path of the artifact, which it builds if it is not in the cache.
func (a artifact) obtain(ctx context.Context, report reporter) (string, error) {
	from, err := a.source.locate(a.pkg)
	if err != nil {
		return "", fmt.Errorf("build %s: %w", a.name, err)
	}
	path := filepath.Join(from.home, a.name)
	if exists(path) {
		return path, nil
	}
	if err := a.makeOnce(ctx, from, path, report); err != nil {
		return "", fmt.Errorf("build %s %s: %w", a.name, from.version, err)
	}
	return path, nil
}

// makeOnce builds under a lock that all builders of this user share: two builds side by side would only take each other's processors.
func (a artifact) makeOnce(ctx context.Context, from located, path string, report reporter) error {
	if err := os.MkdirAll(from.home, 0o755); err != nil {
		return err
	}
	lock, err := awaitLock(ctx, filepath.Join(filepath.Dir(from.home), "build.lock"), func() {
		report.say("waiting for another build of Kubernetes on this machine")
	})
	if err != nil {
		return err
	}
	defer lock.release()
	if exists(path) {
		return nil
	}
	// Only a whole file gets the name that others look for.
	partial := path + ".partial"
	defer os.Remove(partial)
	if err := a.make(ctx, from, partial, report); err != nil {
		return err
	}
	return os.Rename(partial, path)
}

func (a artifact) make(ctx context.Context, from located, path string, report reporter) error {
	if a.output {
		return writeOutput(ctx, from, a.pkg, path)
	}
	return goBuild{artifact: a, from: from, path: path, report: report}.run(ctx)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
