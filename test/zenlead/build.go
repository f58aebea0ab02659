package zenlead

import (
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// binary is built once in a process. It stays open: other processes may build a newer one meanwhile, and this one is
// then still what its first build made.
var binary struct {
	sync.Mutex
	file *os.File
}

// Build makes the binary zen-lead from this repository and returns a path by which this process can start it. Later calls
// return the same path.
func Build(ctx context.Context) (string, error) {
	binary.Lock()
	defer binary.Unlock()
	if binary.file == nil {
		f, err := build(ctx)
		if err != nil {
			return "", fmt.Errorf("build zen-lead: %w", err)
		}
		binary.file = f
	}
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), binary.file.Fd()), nil
}

// build links only if something changed: the go command leaves an up-to-date output alone.
func build(ctx context.Context) (*os.File, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(root)) // never fails; two checkouts have two binaries
	dir := filepath.Join(cache, "zen-lead", fmt.Sprintf("controller-%x", hash.Sum32()))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return nil, err
	}
	out := filepath.Join(dir, "zen-lead")
	c := exec.CommandContext(ctx, "go", "build", "-o", out, "./controller/cmd/zen-lead")
	c.Dir = root
	if said, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, said)
	}
	return os.Open(out)
}
