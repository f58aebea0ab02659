package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// readAnnotations reads a file of a downward API volume: on each line key="value", the value quoted as Go does it. Without the
// file there are none: a pod need not have the volume.
func readAnnotations(file string) (map[string]string, error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for line := range strings.Lines(string(content)) {
		key, quoted, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		value, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, fmt.Errorf("%s: line %q: %w", file, line, err)
		}
		found[key] = value
	}
	return found, nil
}
