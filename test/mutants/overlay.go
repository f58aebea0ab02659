package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// overlay applies the mutant's patch to copies of the files that it changes, in the folder dir, and returns the path of
// what the go command's -overlay wants. The files of root stay as they are.
func (m Mutant) overlay(ctx context.Context, root, dir string) (string, error) {
	paths, err := m.touches(ctx, dir)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for _, p := range paths {
		if strings.HasSuffix(p, "_test.go") || strings.HasPrefix(p, "test/") {
			return "", fmt.Errorf("it changes %s: a mutant breaks the product, not what tests it", p)
		}
		text, err := os.ReadFile(filepath.Join(root, p))
		if err != nil {
			return "", fmt.Errorf("copy what it changes: %w", err)
		}
		replace[filepath.Join(root, p)] = filepath.Join(dir, p)
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, p)), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, p), text, 0o600); err != nil {
			return "", err
		}
	}
	if _, err := m.gitApply(ctx, dir); err != nil {
		return "", fmt.Errorf("its patch does not apply: %w", err)
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, list, 0o600)
}

// touches lists the files that the patch changes.
func (m Mutant) touches(ctx context.Context, dir string) ([]string, error) {
	out, err := m.gitApply(ctx, dir, "--numstat", "-z") // lines added, lines taken off, path
	if err != nil {
		return nil, fmt.Errorf("its patch cannot be read: %w", err)
	}
	var paths []string
	for entry := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		columns := strings.SplitN(entry, "\t", 3)
		if len(columns) != 3 || !filepath.IsLocal(columns[2]) {
			return nil, fmt.Errorf("its patch cannot be read: %q", entry)
		}
		paths = append(paths, columns[2])
	}
	return paths, nil
}

func (m Mutant) gitApply(ctx context.Context, dir string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, "git", append([]string{"apply", "--whitespace=nowarn"}, append(args, m.patch)...)...)
	c.Dir = dir
	// In a repository git would leave out, silently, what is not below its folder.
	c.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
	out, err := c.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", errors.New(strings.TrimSpace(string(exit.Stderr)))
	}
	return string(out), err
}
