package sidecar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"
)

// keepFile keeps the file as things are, until ctx ends; then this member does not lead.
func (s *sidecar) keepFile(ctx context.Context) {
	if s.File == "" {
		return
	}
	told := ""
	for {
		a, until, changed := s.tell()
		if until > 0 {
			a.ValidUntilUptime = new(math.Floor(time.Duration(until).Seconds()*100) / 100) // /proc/uptime has as many digits
		}
		if err := replace(s.File, a); err != nil && err.Error() != told {
			s.log.Error("The file could not be written; it is removed", "error", err)
			told = err.Error()
		} else if err == nil {
			told = ""
		}
		var again <-chan time.Time
		if until > 0 || told != "" {
			again = time.After(belief / 2)
		}
		select {
		case <-changed:
		case <-again:
		case <-ctx.Done():
			if err := remove(s.File); err != nil {
				s.log.Error("The file could not be removed", "error", err)
			}
			return
		}
	}
}

// replace replaces the file as a whole. Where that fails there is none.
func replace(path string, a Answer) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if err = write(path, append(text, '\n')); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), remove(path))
	}
	return nil
}

func write(path string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, remove(f.Name()))
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// forget removes what another process has left: it may have led.
func forget(path string) error {
	if path == "" {
		return nil
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"-*")) // the pattern is well formed, or nothing is found
	var failed []error
	for _, name := range append(left, path) {
		failed = append(failed, remove(name))
	}
	return errors.Join(failed...)
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
