package chart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/kube-zen/zen-lead/test/helm"
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

var binary = sync.OnceValues(func() (string, error) { return helm.Build(context.Background()) })

// runHelm returns what helm prints.
func runHelm(ctx context.Context, home string, args ...string) (string, error) {
	program, err := binary()
	if err != nil {
		return "", err
	}
	return helm.Helm{Program: program, Home: home}.Run(ctx, args...)
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
