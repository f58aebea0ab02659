package cluster

import (
	"context"
	"fmt"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/kube-zen/zen-lead/test/image"
)

// Images that every real node has.
const (
	pauseImage = "localhost/pause:dev"
	dnsImage   = "localhost/coredns:dev"
)

// addForNodes finds or makes what real nodes run.
func (b *binaries) addForNodes(ctx context.Context, options Options, report reporter) error {
	var err error
	if b.foreign, err = findForeign(ctx, report); err != nil {
		return err
	}
	if b.node, err = nodeBinary.obtain(ctx, report); err != nil {
		return err
	}
	pause, err := compilePause(ctx, filepath.Dir(b.node))
	if err != nil {
		return err
	}
	dns, err := corednsBinary.obtainImage(ctx, dnsImage, report)
	if err != nil {
		return err
	}
	b.images = []string{pause, dns}
	for _, archive := range options.Images {
		absolute, err := filepath.Abs(archive)
		if err != nil {
			return fmt.Errorf("image archive: %w", err)
		}
		b.images = append(b.images, absolute)
	}
	return nil
}

// compilePause makes the archive anew each time, which the go command's cache makes a matter of moments.
func compilePause(ctx context.Context, dir string) (archive string, err error) {
	root, err := Checkout()
	if err != nil {
		return "", err
	}
	archive = filepath.Join(dir, "pause.tar")
	return archive, image.WritePrograms(ctx, archive, map[string]image.Program{pauseImage: {Dir: root, Package: "./test/cmd/pause"}})
}

// obtainImage packs the binary into an archive of one image, once: the archive lies beside the binary in the cache.
func (a artifact) obtainImage(ctx context.Context, name string, report reporter) (archive string, err error) {
	binary, err := a.obtain(ctx, report)
	if err != nil {
		return "", err
	}
	archive = binary + ".tar"
	if exists(archive) {
		return archive, nil
	}
	built, err := image.Build(image.Spec{Binary: binary, Path: "/" + a.name})
	if err != nil {
		return "", err
	}
	return archive, image.WriteArchive(archive, map[string]v1.Image{name: built})
}
