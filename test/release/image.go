package release

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/kube-zen/zen-lead/test/image"
)

// Architectures are those that the image is made for.
var Architectures = []string{"amd64", "arm64"}

// binaryPath is the binary's place in the image, which is its entrypoint. There is no default command: what runs, and with which
// flags, is the chart's word.
const binaryPath = "/zen-lead"

// Image makes the image zen-lead for one architecture. It works in dir, an empty folder, which is of no use afterwards.
func (s Source) Image(ctx context.Context, architecture, dir string) (v1.Image, error) {
	copied, err := s.copyTo(ctx, filepath.Join(dir, "source"))
	if err != nil {
		return nil, err
	}
	return copied.image(ctx, architecture, dir)
}

func (s Source) image(ctx context.Context, architecture, dir string) (v1.Image, error) {
	binary := filepath.Join(dir, "zen-lead-"+architecture)
	program := image.Program{Dir: s.Root, Package: "./controller/cmd/zen-lead", Architecture: architecture, Version: s.Version}
	if err := image.Compile(ctx, program, binary); err != nil {
		return nil, err
	}
	return image.Build(image.Spec{Binary: binary, Path: binaryPath, Architecture: architecture, Labels: s.labels(), Created: s.Created})
}

// index makes the images of all architectures under one name, in dir.
func (s Source) index(ctx context.Context, dir string) (v1.ImageIndex, error) {
	copied, err := s.copyTo(ctx, filepath.Join(dir, "source"))
	if err != nil {
		return nil, err
	}
	images := map[string]v1.Image{}
	for _, architecture := range Architectures {
		built, err := copied.image(ctx, architecture, dir)
		if err != nil {
			return nil, err
		}
		images[architecture] = built
	}
	index, err := image.Index(images)
	if err != nil {
		return nil, err
	}
	// Registries show what the index says; the platforms' own annotations are a click away.
	annotated, ok := mutate.Annotations(index, s.labels()).(v1.ImageIndex)
	if !ok {
		return nil, errors.New("an index with annotations is not an index any more")
	}
	return annotated, nil
}

// labels are those of https://github.com/opencontainers/image-spec/blob/main/annotations.md that say something here.
func (s Source) labels() map[string]string {
	return map[string]string{
		"org.opencontainers.image.created":       s.Created.Format(time.RFC3339),
		"org.opencontainers.image.description":   "Exactly one active copy of something, on Kubernetes",
		"org.opencontainers.image.documentation": "https://github.com/kube-zen/zen-lead#readme",
		"org.opencontainers.image.licenses":      "Apache-2.0",
		"org.opencontainers.image.revision":      s.Revision,
		"org.opencontainers.image.source":        "https://github.com/kube-zen/zen-lead",
		"org.opencontainers.image.title":         "zen-lead",
		"org.opencontainers.image.version":       s.Version,
	}
}

// sizes tells of each platform what a node downloads.
func sizes(index v1.ImageIndex) (string, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return "", err
	}
	var told strings.Builder
	for _, platform := range manifest.Manifests {
		built, err := index.Image(platform.Digest)
		if err != nil {
			return "", err
		}
		content, err := built.Manifest()
		if err != nil {
			return "", err
		}
		total := platform.Size + content.Config.Size
		for _, layer := range content.Layers {
			total += layer.Size
		}
		fmt.Fprintf(&told, "  %s %.1f MB", platform.Platform, float64(total)/1e6)
	}
	return told.String(), nil
}
