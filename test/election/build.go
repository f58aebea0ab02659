package election

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/kube-zen/zen-lead/test/zenlead"
)

var binary struct {
	sync.Mutex
	file *os.File
}

// build makes the program once in a process, and returns a path by which this process can start it: the file has no name, so
// that nothing is left of it.
func build(ctx context.Context) (string, error) {
	binary.Lock()
	defer binary.Unlock()
	if binary.file == nil {
		f, err := buildTo(ctx)
		if err != nil {
			return "", fmt.Errorf("build the member: %w", err)
		}
		binary.file = f
	}
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), binary.file.Fd()), nil
}

func buildTo(ctx context.Context) (*os.File, error) {
	root, err := zenlead.Root()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "zen-lead-member-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary folder
	path := filepath.Join(dir, "member")
	c := exec.CommandContext(ctx, "go", "build", "-o", path, "./test/cmd/member")
	c.Dir = root
	if said, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, said)
	}
	return os.Open(path)
}
