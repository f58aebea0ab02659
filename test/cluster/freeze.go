package cluster

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// freezePatience bounds the wait for processes to stand still; one that waits for a disk does so once it is served.
const freezePatience = 10 * time.Second

// freezeBelow stops all descendants of a process that stands still itself, and returns when they do. Who was started meanwhile, by one
// that went on yet, is found by the next look.
func freezeBelow(pid int) error {
	for until := time.Now().Add(freezePatience); ; <-time.After(time.Millisecond) {
		going, err := signalBelow(pid, syscall.SIGSTOP)
		switch {
		case err != nil:
			return err
		case going == 0:
			return nil
		case time.Now().After(until):
			return fmt.Errorf("%d processes do not stand still within %v", going, freezePatience)
		}
	}
}

// resumeBelow lets all descendants of a process go on.
func resumeBelow(pid int) error {
	_, err := signalBelow(pid, syscall.SIGCONT)
	return err
}

// signalBelow sends a signal to all descendants of a process, and returns how many of them did not stand still before.
func signalBelow(pid int, signal syscall.Signal) (going int, err error) {
	found, err := below(pid)
	for one, s := range found {
		if s.state == 'Z' {
			continue
		}
		if s.state != 'T' {
			going++
		}
		if failed := syscall.Kill(one, signal); failed != nil && !errors.Is(failed, syscall.ESRCH) {
			err = errors.Join(err, fmt.Errorf("send %s to process %d: %w", signal, one, failed))
		}
	}
	return going, err
}

// below returns the descendants of a process.
func below(pid int) (map[int]stat, error) {
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	all := map[int]stat{}
	for _, entry := range entries {
		one, err := strconv.Atoi(filepath.Base(entry))
		if err != nil {
			return nil, err
		}
		if s, err := readStat(one); err == nil { // else it has ended
			all[one] = s
		}
	}
	found := map[int]stat{}
	for more := true; more; {
		more = false
		for one, s := range all {
			_, known := found[one]
			if _, descends := found[s.parent]; !known && (descends || s.parent == pid) {
				found[one], more = s, true
			}
		}
	}
	return found, nil
}
