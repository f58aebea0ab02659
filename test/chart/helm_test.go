package chart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/kube-zen/zen-lead/test/zenlead"
)

// path returns that of a file of the repository.
func path(elements ...string) string {
	root, err := zenlead.Root()
	if err != nil {
		return filepath.Join(elements...) // its absence will be told with that name
	}
	return filepath.Join(append([]string{root}, elements...)...)
}

var chartDir = path("charts", "zen-lead")

// binary is helm at the version of hack/tools/helm.
var binary = sync.OnceValues(func() (string, error) {
	c := exec.Command("go", "tool", "-n", "helm")
	c.Dir, c.Env = path("hack", "tools", "helm"), append(os.Environ(), "GOWORK=off")
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("build helm: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
})

// helm runs helm, with no settings of whoever runs the tests, and returns its standard output.
func helm(ctx context.Context, home string, args ...string) (string, error) {
	helm, err := binary()
	if err != nil {
		return "", err
	}
	c := exec.CommandContext(ctx, helm, args...)
	c.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("helm %q: %w: %s", args, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return string(out), nil
}

// objects are those of a stream of YAML documents, by what identifies them.
func objects(stream io.Reader) (map[string]map[string]any, error) {
	all := map[string]map[string]any{}
	d := yaml.NewYAMLOrJSONDecoder(stream, 4096)
	for {
		var o unstructured.Unstructured
		err := d.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("decode: %w", err)
		}
		if len(o.Object) == 0 {
			continue
		}
		key := strings.Join([]string{o.GetAPIVersion(), o.GetKind(), o.GetNamespace(), o.GetName()}, " ")
		if all[key] != nil {
			return nil, fmt.Errorf("twice: %s", key)
		}
		all[key] = o.Object
	}
}
