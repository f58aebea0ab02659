package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// identity names a process for as long as the machine is up: the kernel reuses a PID, but never together with the start time.
type identity struct {
	PID int `json:"pid"`
	// StartTime is in clock ticks since boot, as /proc tells it.
	StartTime uint64 `json:"startTime"`
}

func identify(pid int) (identity, error) {
	s, err := readStat(pid)
	if err != nil {
		return identity{}, err
	}
	return identity{PID: pid, StartTime: s.startTime}, nil
}

// stat is what /proc tells of a process.
type stat struct {
	// state is one letter.
	state     byte
	parent    int
	startTime uint64
}

func readStat(pid int) (s stat, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, err
	}
	// The second field is the command in parentheses and may hold anything; what follows the last parenthesis is regular.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	const stateField, parentField, startTimeField = 0, 1, 19
	if len(fields) <= startTimeField {
		return s, fmt.Errorf("/proc/%d/stat: %d fields", pid, len(fields))
	}
	s.state = fields[stateField][0]
	if s.parent, err = strconv.Atoi(string(fields[parentField])); err != nil {
		return s, err
	}
	s.startTime, err = strconv.ParseUint(string(fields[startTimeField]), 10, 64)
	return s, err
}

func (i identity) alive() bool {
	s, err := readStat(i.PID)
	return err == nil && s.startTime == i.StartTime && s.state != 'Z'
}

// kill ends the process with SIGKILL, whoever its parent is, and returns when it is gone. A process that is gone already is no error.
func (i identity) kill() error {
	handle, err := unix.PidfdOpen(i.PID, 0)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open process %d: %w", i.PID, err)
	}
	defer unix.Close(handle)
	// Judged after the handle was opened: the handle cannot come to mean another process.
	if !i.alive() {
		return nil
	}
	if err := unix.PidfdSendSignal(handle, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill process %d: %w", i.PID, err)
	}
	return awaitExit(handle)
}

// awaitExit returns when the process of the handle has ended, which makes the handle readable.
func awaitExit(handle int) error {
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}, -1)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
