// Package usage tells what a process has of the machine.
package usage

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Usage is what a process has of the machine.
type Usage struct {
	// Resident and Peak are bytes of memory, now and at most until now.
	Resident, Peak int64
	// CPU is the processor's time that it has used since it began.
	CPU time.Duration
}

// tick is the unit in which Linux tells processes times, whatever the kernel's own clock is: USER_HZ is 100.
const tick = 10 * time.Millisecond

// Of reads what Linux says of a process.
func Of(pid int) (Usage, error) {
	status, statusErr := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	stat, statErr := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err := errors.Join(statusErr, statErr); err != nil {
		return Usage{}, fmt.Errorf("usage of process %d: %w", pid, err)
	}
	u, err := parseUsage(string(status), string(stat))
	if err != nil {
		return Usage{}, fmt.Errorf("usage of process %d: %w", pid, err)
	}
	return u, nil
}

// parseUsage reads the two files that proc(5) describes.
func parseUsage(status, stat string) (u Usage, err error) {
	if u.Resident, err = kibibytes(status, "VmRSS:"); err != nil {
		return Usage{}, err
	}
	if u.Peak, err = kibibytes(status, "VmHWM:"); err != nil {
		return Usage{}, err
	}
	// The name in parentheses may contain anything; utime and stime are fields 14 and 15, counted from 1.
	fields := strings.Fields(stat[strings.LastIndex(stat, ")")+1:])
	const utime, stime = 14 - 3, 15 - 3
	if len(fields) <= stime {
		return Usage{}, fmt.Errorf("stat has too few fields: %q", stat)
	}
	for _, field := range []string{fields[utime], fields[stime]} {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return Usage{}, fmt.Errorf("stat: %w", err)
		}
		u.CPU += time.Duration(n) * tick
	}
	return u, nil
}

// kibibytes returns a figure of status in bytes.
func kibibytes(status, name string) (int64, error) {
	for line := range strings.Lines(status) {
		value, ok := strings.CutPrefix(line, name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("status: %s %w", name, err)
		}
		return n << 10, nil
	}
	return 0, fmt.Errorf("status has no %s", name)
}
