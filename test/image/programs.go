package image

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// WritePrograms compiles programs, given by the full names of their images, and writes an archive as [WriteArchive] does. In its image a
// program lies in the root, by the name of its package's folder; so do those beside it.
func WritePrograms(ctx context.Context, archive string, programs map[string]Program) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(archive), ".programs-")
	if err != nil {
		return fmt.Errorf("images: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	images := map[string]v1.Image{}
	for _, full := range slices.Sorted(maps.Keys(programs)) {
		if images[full], err = buildProgram(ctx, dir, programs[full]); err != nil {
			return err
		}
	}
	return WriteArchive(archive, images)
}

func buildProgram(ctx context.Context, dir string, p Program) (v1.Image, error) {
	binary, name, err := compileTo(ctx, dir, p)
	if err != nil {
		return nil, err
	}
	spec := Spec{Binary: binary, Path: name, Beside: map[string]string{}}
	for _, beside := range p.Beside {
		p.Package = beside
		binary, name, err := compileTo(ctx, dir, p)
		if err != nil {
			return nil, err
		}
		spec.Beside[name] = binary
	}
	return Build(spec)
}

// compileTo compiles a program and says where the image is to have it.
func compileTo(ctx context.Context, dir string, p Program) (binary, name string, err error) {
	name = filepath.Base(filepath.Join(p.Dir, p.Package))
	binary = filepath.Join(dir, name)
	return binary, "/" + name, Compile(ctx, p, binary)
}
