package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// copyBinary puts the file in place in one step: somebody may be running the one that it replaces, or start it meanwhile.
func copyBinary(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	partial, err := os.CreateTemp(filepath.Dir(to), ".partial-")
	if err != nil {
		return err
	}
	defer os.Remove(partial.Name())
	_, err = io.Copy(partial, source)
	if err = errors.Join(err, partial.Chmod(0o755), partial.Close()); err != nil {
		return fmt.Errorf("copy %s to %s: %w", from, to, err)
	}
	return os.Rename(partial.Name(), to)
}
