package guard_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// signalGuard sends a signal to the guard of the command.
func (w *guarded) signalGuard(s syscall.Signal) {
	w.t.Helper()
	for _, pid := range left(w.mark) {
		if parent := parentOf(pid); parentOf(parent) == os.Getpid() {
			if err := syscall.Kill(parent, s); err != nil {
				w.t.Fatal(err)
			}
			return
		}
	}
	w.t.Fatal("there is no guard")
}

func parentOf(pid int) int {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0
	}
	stat, _ := p.Stat() // one that has ended has no parent
	return stat.PPID
}

// left returns the processes that have a mark in their environment.
func left(mark string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && bytes.Contains(b, []byte(mark)) {
			pid, _ := strconv.Atoi(strings.Split(f, "/")[2])
			pids = append(pids, pid)
		}
	}
	return pids
}

// awaitNothing waits until no process has the mark.
func awaitNothing(t *testing.T, mark string) {
	t.Helper()
	end := time.Now().Add(soon)
	for pids := left(mark); len(pids) > 0; pids = left(mark) {
		if !awaitEnd(pids[0], time.Until(end)) {
			t.Errorf("processes %v go on", pids)
			return
		}
	}
}

// awaitEnd says whether a process has ended within a time.
func awaitEnd(pid int, within time.Duration) bool {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return true
	}
	defer func() { _ = unix.Close(fd) }() // it was looked at only
	for end := time.Now().Add(within); ; {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(time.Until(end).Milliseconds()))
		if !errors.Is(err, unix.EINTR) {
			return n > 0
		}
	}
}
