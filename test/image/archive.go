package image

import (
	"archive/tar"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/distribution/reference"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// nameAnnotation is what containerd takes an imported image's full name from. OCI's own annotation holds the tag alone.
const nameAnnotation = "io.containerd.image.name"

// WriteArchive writes the images, by full name like "localhost/zen-lead:dev", into one tar file, which
//
//	ctr -n k8s.io images import FILE
//
// takes. It is an OCI layout: unlike with docker save's format, the digests are afterwards those of Build. On an error there is no
// file.
//
// A kubelet never pulls what has a tag and is there (imagePullPolicy IfNotPresent), and no registry answers for localhost/.
func WriteArchive(path string, images map[string]v1.Image) error {
	if err := writeArchive(path, images); err != nil {
		return fmt.Errorf("image archive: %w", err)
	}
	return nil
}

func writeArchive(path string, images map[string]v1.Image) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), ".layout-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := writeLayout(dir, images); err != nil {
		return err
	}
	return packDir(dir, path)
}

func writeLayout(dir string, images map[string]v1.Image) error {
	into, err := layout.Write(dir, mutate.IndexMediaType(empty.Index, types.OCIImageIndex))
	if err != nil {
		return err
	}
	for _, full := range slices.Sorted(maps.Keys(images)) {
		if err := checkName(full); err != nil {
			return err
		}
		config, err := images[full].ConfigFile()
		if err != nil {
			return fmt.Errorf("config of %s: %w", full, err)
		}
		err = into.AppendImage(images[full],
			layout.WithAnnotations(map[string]string{nameAnnotation: full}),
			layout.WithPlatform(*config.Platform()))
		if err != nil {
			return fmt.Errorf("write %s: %w", full, err)
		}
	}
	return nil
}

// checkName fails unless the kubelet asks containerd for exactly this name when a pod names it.
func checkName(full string) error {
	named, err := reference.ParseNormalizedNamed(full)
	if err != nil {
		return fmt.Errorf("name %q: %w", full, err)
	}
	if complete := reference.TagNameOnly(named).String(); complete != full {
		return fmt.Errorf("name %q: a pod that names it gets %s; give the full name", full, complete)
	}
	return nil
}

// packDir writes the directory as a tar file. Only a whole file gets the name.
func packDir(dir, path string) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".archive-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	w := tar.NewWriter(file)
	if err := errors.Join(w.AddFS(os.DirFS(dir)), w.Close(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
