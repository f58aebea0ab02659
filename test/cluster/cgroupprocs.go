package cluster

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// processesIn lists the processes of all groups at or below a group whose name contains the given one.
func processesIn(root, name string) ([]int, error) {
	var pids []int
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		// Groups come and go while one walks.
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if entry.Name() != "cgroup.procs" || !strings.Contains(filepath.Dir(path), name) {
			return nil
		}
		found, err := readPIDs(path)
		pids = append(pids, found...)
		return err
	})
	return pids, err
}

func readPIDs(file string) ([]int, error) {
	content, err := os.ReadFile(file)
	// The group may go before the file is opened, or between that and the reading.
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENODEV) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var pids []int
	for line := range strings.FieldsSeq(string(content)) {
		pid, err := strconv.Atoi(line)
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
}
