package image

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// compiled holds the smallest real program that there is, by architecture; each is compiled once.
var compiled sync.Map

// program writes that program to a file of the given name in a folder of its own and returns its path.
func program(t *testing.T, architecture, name string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	content, found := compiled.Load(architecture)
	if !found {
		pause := Program{Dir: "..", Package: "./cmd/pause", Architecture: architecture}
		if err := Compile(t.Context(), pause, file); err != nil {
			t.Fatal(err)
		}
		made, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		compiled.Store(architecture, made)
		content = made
	}
	if err := os.WriteFile(file, content.([]byte), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

// other is the architecture that does not run here.
func other() string {
	if runtime.GOARCH == "amd64" {
		return "arm64"
	}
	return "amd64"
}

func build(t *testing.T, spec Spec) v1.Image {
	t.Helper()
	built, err := Build(spec)
	if err != nil {
		t.Fatal(err)
	}
	return built
}

func digest(t *testing.T, of interface{ Digest() (v1.Hash, error) }) v1.Hash {
	t.Helper()
	hash, err := of.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// stored is what others see of an index: in memory an empty map is not a map that is absent, in JSON it is.
func stored(t *testing.T, index v1.ImageIndex) v1.ImageIndex {
	t.Helper()
	dir, err := layout.Write(t.TempDir(), index)
	if err != nil {
		t.Fatal(err)
	}
	read, err := dir.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// entry is a file of a layer.
type entry struct {
	tar.Header
	content []byte
}

func entries(t *testing.T, layer v1.Layer) []entry {
	t.Helper()
	archive, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	var found []entry
	for r := tar.NewReader(archive); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, entry{*header, content})
	}
}
