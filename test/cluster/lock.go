package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// errLocked: another process, or another part of this one, holds the lock.
var errLocked = errors.New("locked by another process")

// fileLock is an flock: the kernel drops it with its holder, however the holder ends. Lock files are never removed while others may wait for them.
type fileLock struct{ file *os.File }

func tryLock(path string) (fileLock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fileLock{}, err
	}
	// Opened close-on-exec, as Go opens all files: a child would keep the lock alive.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fileLock{}, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return fileLock{}, fmt.Errorf("%s: %w", path, errLocked)
		}
		return fileLock{}, fmt.Errorf("lock %s: %w", path, err)
	}
	return fileLock{file}, nil
}

// awaitLock waits for the lock until ctx ends; onWait is called once if it has to wait. It polls: a blocking flock cannot be cancelled.
func awaitLock(ctx context.Context, path string, onWait func()) (fileLock, error) {
	lock, err := tryLock(path)
	if !errors.Is(err, errLocked) {
		return lock, err
	}
	onWait()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fileLock{}, fmt.Errorf("wait for %s: %w", path, context.Cause(ctx))
		case <-tick.C:
		}
		if lock, err := tryLock(path); !errors.Is(err, errLocked) {
			return lock, err
		}
	}
}

func (l fileLock) release() {
	if l.file != nil {
		l.file.Close()
	}
}
