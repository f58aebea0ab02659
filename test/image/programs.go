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
// program lies in the root, by the name of its package's folder.
func WritePrograms(ctx context.Context, archive string, programs map[string]Program) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(archive), ".programs-")
	if err != nil {
		return fmt.Errorf("images: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	images := map[string]v1.Image{}
	for _, full := range slices.Sorted(maps.Keys(programs)) {
		name := filepath.Base(filepath.Join(programs[full].Dir, programs[full].Package))
		binary := filepath.Join(dir, name)
		if err := Compile(ctx, programs[full], binary); err != nil {
			return err
		}
		if images[full], err = Build(Spec{Binary: binary, Path: "/" + name}); err != nil {
			return err
		}
	}
	return WriteArchive(archive, images)
}
