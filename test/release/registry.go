package release

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// startRegistry serves an empty OCI registry from memory, on a free port of the loopback interface, until stop.
func startRegistry() (address string, stop func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{
		Handler:           registry.New(registry.Logger(log.New(io.Discard, "", 0))),
		ReadHeaderTimeout: time.Minute,
	}
	go func() { _ = server.Serve(listener) }() // who cannot reach it says so
	return listener.Addr().String(), server.Close, nil
}

func push(ctx context.Context, reference string, index v1.ImageIndex) error {
	to, err := name.ParseReference(reference, name.StrictValidation)
	if err != nil {
		return err
	}
	return remote.WriteIndex(to, index, remote.WithContext(ctx))
}

// pull fails if what the registry has under the reference is not the wanted digest down to the last byte of each layer.
func pull(ctx context.Context, reference string, want v1.Hash) (v1.ImageIndex, error) {
	from, err := name.ParseReference(reference, name.StrictValidation)
	if err != nil {
		return nil, err
	}
	index, err := remote.Index(from, remote.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	got, err := index.Digest()
	if err != nil {
		return nil, err
	}
	if got != want {
		return nil, fmt.Errorf("%s is %s, pushed was %s", reference, got, want)
	}
	return index, validate.Index(index)
}

// pulledBinary is the file, in the folder of the run, that has the binary of the image that was pulled.
const pulledBinary = "pulled"

// versionOf runs the binary of the image for this machine and returns what it calls itself.
func versionOf(ctx context.Context, index v1.ImageIndex, dir string) (string, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return "", err
	}
	for _, m := range manifest.Manifests {
		if m.Platform == nil || m.Platform.Architecture != runtime.GOARCH {
			continue
		}
		built, err := index.Image(m.Digest)
		if err != nil {
			return "", err
		}
		binary := filepath.Join(dir, pulledBinary)
		if err := extract(built, binary); err != nil {
			return "", fmt.Errorf("take the binary out of the image: %w", err)
		}
		out, err := said(exec.CommandContext(ctx, binary, "version"))
		return strings.TrimSpace(out), err
	}
	return "", fmt.Errorf("no image for %s", runtime.GOARCH)
}

// extract writes the one file of the image.
func extract(built v1.Image, to string) error {
	files := mutate.Extract(built)
	defer files.Close()
	r := tar.NewReader(files)
	if _, err := r.Next(); err != nil {
		return err
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o700)
}
