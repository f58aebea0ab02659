package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// temporaryRoot holds the temporary homes of all clusters of this user.
func temporaryRoot() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("zen-lead-%d", os.Getuid()))
}

// newTemporaryHome makes a home, and sweeps those whose owners were killed. Both happen under one lock: a home that is made
// but not locked yet would look like one without an owner.
func newTemporaryHome(ctx context.Context, report reporter) (home, error) {
	root := temporaryRoot()
	lock, err := awaitLock(ctx, filepath.Join(root, lockFile), func() {})
	if err != nil {
		return home{}, fmt.Errorf("temporary directory: %w", err)
	}
	defer lock.release()
	sweep(root, report)
	dir, err := os.MkdirTemp(root, "cluster-")
	if err != nil {
		return home{}, fmt.Errorf("temporary directory: %w", err)
	}
	owned, err := tryLock(filepath.Join(dir, lockFile))
	return home{dir: dir, temporary: true, lock: owned}, err
}

// sweep removes the homes that nobody holds the lock of. What cannot be removed now is left for the next start, which tries again.
func sweep(root string, report reporter) {
	homes, err := filepath.Glob(filepath.Join(root, "cluster-*"))
	if err != nil {
		return
	}
	for _, dir := range homes {
		lock, err := tryLock(filepath.Join(dir, lockFile))
		if err != nil {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			report.say("cannot remove %s, which a killed process left: %v", dir, err)
		}
		lock.release()
	}
}
