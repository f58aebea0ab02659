package image

import (
	"archive/tar"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// nonRoot is the user that distroless images made customary. A name would do for people, but runAsNonRoot accepts numbers only.
const nonRoot = "65532:65532"

// Spec says what is in an image.
type Spec struct {
	// Binary is a file on disk: an ELF program for Linux and Architecture, linked statically.
	Binary string
	// Path is where the image has it, absolute. It is the entrypoint.
	Path string
	// Beside are further binaries, by where the image has them. Set it where one program starts another.
	Beside map[string]string
	// Args follow the entrypoint unless a pod names others.
	Args []string
	// User is "uid:gid" in numbers; default "65532:65532".
	User string
	// Architecture is a GOARCH; default the one that runs.
	Architecture string
	// Labels are put into the config, where Docker shows them, and as annotations on the manifest, where registries look.
	Labels map[string]string
	// Created is the time of the image and of the file in it, to the second; default 1970-01-01. Never now: that would be another digest each time.
	Created time.Time
}

// Build makes the image. It reads the binary at once; the file may be gone afterwards.
func Build(spec Spec) (v1.Image, error) {
	built, err := spec.withDefaults().build()
	if err != nil {
		return nil, fmt.Errorf("image of %s: %w", spec.Binary, err)
	}
	return built, nil
}

func (s Spec) withDefaults() Spec {
	s.User = cmp.Or(s.User, nonRoot)
	s.Architecture = cmp.Or(s.Architecture, runtime.GOARCH)
	if s.Created.IsZero() {
		s.Created = time.Unix(0, 0)
	}
	s.Created = s.Created.UTC().Truncate(time.Second)
	return s
}

func (s Spec) build() (v1.Image, error) {
	files := map[string]string{s.Path: s.Binary}
	maps.Copy(files, s.Beside)
	layer, err := s.layer(files)
	if err != nil {
		return nil, fmt.Errorf("layer: %w", err)
	}
	return s.assemble(layer)
}

// layer is a tar archive of the files, by their paths. Parent directories come into being when it is unpacked: root's, mode 0755.
func (s Spec) layer(files map[string]string) (v1.Layer, error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := s.add(w, name, files[name]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
}

// add adds one program to an archive.
func (s Spec) add(w *tar.Writer, name, binary string) error {
	if !path.IsAbs(name) || path.Clean(name) != name || name == "/" {
		return fmt.Errorf("path %q: want the absolute name of a file", name)
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	if err := checkProgram(content, s.Architecture); err != nil {
		return err
	}
	err = w.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg,
		Name:     strings.TrimPrefix(name, "/"),
		Mode:     0o555,
		Size:     int64(len(content)),
		ModTime:  s.Created,
	})
	if err == nil {
		_, err = w.Write(content)
	}
	return err
}

func (s Spec) assemble(layer v1.Layer) (v1.Image, error) {
	created := v1.Time{Time: s.Created}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	base, err := mutate.ConfigFile(base, &v1.ConfigFile{
		Architecture: s.Architecture,
		OS:           "linux",
		Created:      created,
		RootFS:       v1.RootFS{Type: "layers"},
		Config: v1.Config{
			Entrypoint: []string{s.Path},
			Cmd:        slices.Clone(s.Args),
			User:       s.User,
			WorkingDir: "/",
			Labels:     maps.Clone(s.Labels),
		},
	})
	if err != nil {
		return nil, err
	}
	built, err := mutate.Append(base, mutate.Addendum{Layer: layer, History: v1.History{Created: created, CreatedBy: "COPY " + s.Path}})
	if err != nil {
		return nil, err
	}
	if len(s.Labels) == 0 {
		return built, nil
	}
	annotated, ok := mutate.Annotations(built, maps.Clone(s.Labels)).(v1.Image)
	if !ok {
		return nil, errors.New("an image with annotations is not an image any more")
	}
	return annotated, nil
}
