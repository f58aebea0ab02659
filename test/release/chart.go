package release

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"sigs.k8s.io/yaml"

	"github.com/kube-zen/zen-lead/test/helm"
)

// Chart is a Helm chart and the programs that deal with it.
type Chart struct {
	// Dir is the chart's folder.
	Dir string
	// Helm is the path of helm, ArtifactHub that of ah, which lints what Artifact Hub shows of the chart.
	Helm, ArtifactHub string
}

// lint asks ah, which looks at the chart alone and needs no network.
func (c Chart) lint(ctx context.Context) error {
	_, err := said(exec.CommandContext(ctx, c.ArtifactHub, "lint", "-p", c.Dir))
	return err
}

// pack makes the chart's archive in dir and returns its path.
func (c Chart) pack(ctx context.Context, dir string) (string, error) {
	about, err := c.about()
	if err != nil {
		return "", err
	}
	if err := c.helm(ctx, dir, "package", c.Dir, "--destination", dir); err != nil {
		return "", err
	}
	return filepath.Join(dir, about.Name+"-"+about.Version+".tgz"), nil
}

func (c Chart) push(ctx context.Context, archive, repository string) error {
	return c.helm(ctx, filepath.Dir(archive), "push", "--plain-http", archive, repository)
}

// pull fails if the repository's archive is not the one that was pushed, byte by byte.
func (c Chart) pull(ctx context.Context, archive, repository string) error {
	about, err := c.about()
	if err != nil {
		return err
	}
	dir := filepath.Join(filepath.Dir(archive), "pulled")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	err = c.helm(ctx, filepath.Dir(archive), "pull", "--plain-http", repository+"/"+about.Name, "--version", about.Version, "--destination", dir)
	if err != nil {
		return err
	}
	pushed, err := os.ReadFile(archive)
	if err != nil {
		return err
	}
	pulled, err := os.ReadFile(filepath.Join(dir, filepath.Base(archive)))
	if err != nil {
		return err
	}
	if !bytes.Equal(pushed, pulled) {
		return fmt.Errorf("pulled %s, pushed was %s", fingerprint(pulled), fingerprint(pushed))
	}
	return nil
}

// about is what a chart's file Chart.yaml says.
type about struct {
	Name       string `json:"name"`
	Version    string `json:"version"`
	AppVersion string `json:"appVersion"`
}

func (c Chart) about() (about, error) {
	file := filepath.Join(c.Dir, "Chart.yaml")
	content, err := os.ReadFile(file)
	if err != nil {
		return about{}, err
	}
	var a about
	if err := yaml.Unmarshal(content, &a); err != nil {
		return about{}, fmt.Errorf("%s: %w", file, err)
	}
	return a, nil
}

func (c Chart) helm(ctx context.Context, dir string, args ...string) error {
	_, err := helm.Helm{Program: c.Helm, Home: filepath.Join(dir, "helm")}.Run(ctx, args...)
	return err
}

func fingerprint(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }
