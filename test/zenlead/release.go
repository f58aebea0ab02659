package zenlead

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// BuildOf builds the binary zen-lead as it was at a commit or tag of this repository, into dir, and returns its path. The
// repository must have its history: a shallow clone has none.
func BuildOf(ctx context.Context, revision, dir string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	source := filepath.Join(dir, "source")
	if err := os.MkdirAll(source, 0o755); err != nil {
		return "", err
	}
	archive := filepath.Join(dir, "source.tar")
	binary := filepath.Join(dir, "zen-lead")
	for _, c := range []*exec.Cmd{
		exec.CommandContext(ctx, "git", "-C", root, "archive", "--output", archive, revision),
		exec.CommandContext(ctx, "tar", "-C", source, "-xf", archive),
		exec.CommandContext(ctx, "go", "-C", source, "build", "-buildvcs=false", "-o", binary, "./controller/cmd/zen-lead"),
	} {
		if said, err := c.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build zen-lead of %s: %s: %w: %s", revision, c, err, said)
		}
	}
	return binary, nil
}
