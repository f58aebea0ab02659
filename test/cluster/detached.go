package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Open attaches to the cluster that runs in dir, in practice one that was started with Options.Detached. ErrNotRunning if there is none.
// Its processes cannot be killed, frozen or restarted one by one: this is for whoever started them. Its Stop is not for it either: use End.
func Open(dir string) (*Cluster, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	found, err := readState(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if !found.Ready || !found.running() {
		return nil, fmt.Errorf("cluster in %s: %w", dir, ErrNotRunning)
	}
	c := &Cluster{Kubeconfig: found.Kubeconfig, Dir: dir, AuditLog: found.AuditLog, report: newReporter(nil), opened: true}
	return c, c.loadAdmin()
}

// End ends the detached cluster in dir, also one whose start was cut off, and removes its keys and data; logs stay.
// ErrNotRunning if there is none. It waits, until ctx ends, for others that start or end the cluster.
func End(ctx context.Context, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	if !exists(dir) {
		return fmt.Errorf("cluster in %s: %w", dir, ErrNotRunning)
	}
	lock, err := awaitLock(ctx, filepath.Join(dir, lockFile), func() {})
	if err != nil {
		return fmt.Errorf("end cluster: %w", err)
	}
	h := home{dir: dir, lock: lock}
	defer h.lock.release()
	found, err := readState(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !found.running() {
		return fmt.Errorf("cluster in %s: %w", dir, ErrNotRunning)
	}
	if err := found.end(); err != nil {
		return err
	}
	return h.clear()
}
