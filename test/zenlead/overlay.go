package zenlead

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// OverlayVariable names a file as the go command's -overlay has it: Install puts what it says in the place of files of controller/config.
const OverlayVariable = "ZEN_LEAD_OVERLAY"

// overlaid returns a folder as the overlay has it, a copy if it differs, and what removes that.
func overlaid(folder string) (string, func(), error) {
	keep := func() {}
	file := os.Getenv(OverlayVariable)
	if file == "" {
		return folder, keep, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", keep, fmt.Errorf("read the overlay: %w", err)
	}
	var overlay struct{ Replace map[string]string }
	if err := json.Unmarshal(text, &overlay); err != nil {
		return "", keep, fmt.Errorf("read the overlay: %w", err)
	}
	dir, err := os.MkdirTemp("", "zen-lead-config-")
	if err != nil {
		return "", keep, err
	}
	remove := func() { os.RemoveAll(dir) } //nolint:errcheck // throw-away data
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, below)
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		if other, ok := overlay.Replace[path]; ok {
			path = other
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o600)
	})
	if err != nil {
		remove()
		return "", keep, fmt.Errorf("apply the overlay: %w", err)
	}
	return dir, remove, nil
}
