package frozen

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/kube-zen/zen-lead/test/zenlead"
)

// Build makes the program of examples/fencing/sql, in a folder.
func Build(ctx context.Context, dir string) (program string, err error) {
	root, err := zenlead.Root()
	if err != nil {
		return "", err
	}
	program = filepath.Join(dir, "bank")
	c := exec.CommandContext(ctx, "go", "build", "-o", program, "examples/fencing/sql/main.go")
	c.Dir = root
	if said, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build examples/fencing/sql: %w: %s", err, said)
	}
	return program, nil
}
