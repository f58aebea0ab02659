package image

import (
	"archive/tar"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func TestAnArchiveHoldsEachImageUnderItsName(t *testing.T) {
	binary := program(t, runtime.GOARCH, "zen-lead")
	images := map[string]v1.Image{
		"localhost/zen-lead:dev": build(t, Spec{Binary: binary, Path: "/zen-lead"}),
		"localhost/pause:dev":    build(t, Spec{Binary: binary, Path: "/pause"}),
	}
	file := filepath.Join(t.TempDir(), "images.tar")
	if err := WriteArchive(file, images); err != nil {
		t.Fatal(err)
	}
	index, err := layout.ImageIndexFromPath(unpack(t, file))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	got, want := map[string]v1.Hash{}, map[string]v1.Hash{}
	for _, m := range manifest.Manifests {
		got[m.Annotations["io.containerd.image.name"]] = m.Digest
	}
	for name, built := range images {
		want[name] = digest(t, built)
	}
	if !maps.Equal(got, want) {
		t.Errorf("the archive has %v, want %v", got, want)
	}
}

// A second archive replaces the first; nothing else stays in the folder, not even after an error.
func TestAnArchiveIsOneFile(t *testing.T) {
	built := build(t, Spec{Binary: program(t, runtime.GOARCH, "zen-lead"), Path: "/zen-lead"})
	dir := t.TempDir()
	file := filepath.Join(dir, "images.tar")
	for range 2 {
		if err := WriteArchive(file, map[string]v1.Image{"localhost/zen-lead:dev": built}); err != nil {
			t.Fatal(err)
		}
	}
	if err := WriteArchive(filepath.Join(dir, "bad.tar"), map[string]v1.Image{"zen-lead": built}); err == nil {
		t.Error("no error for a short name")
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 || left[0].Name() != "images.tar" {
		t.Errorf("the folder holds %v, want images.tar", left)
	}
}

func TestNamesThatAPodWouldNotFindAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ full, want string }{
		"no registry": {"zen-lead:dev", "docker.io/library/zen-lead:dev"},
		"no tag":      {"localhost/zen-lead", "localhost/zen-lead:latest"},
		"capitals":    {"localhost/Zen-Lead:dev", "lowercase"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := checkName(c.full); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func unpack(t *testing.T, file string) string {
	t.Helper()
	archive, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	dir := t.TempDir()
	for r := tar.NewReader(archive); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeDir {
			continue
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, header.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
