package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// private are the folders of a machine that its programs write to. Each machine has its own, in memory.
var private = []string{"/run", "/var/log", "/var/lib"}

// kernelSettings are what kubelet wants of the whole machine. It finds them in files that stand before the real ones, and writes into those.
var kernelSettings = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

func makeMounts(keep []string) error {
	// Nothing that is mounted here reaches the caller.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	kept, err := open(keep)
	if err != nil {
		return err
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	for _, dir := range private {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("mount %s: %w", dir, err)
		}
	}
	for path, handle := range kept {
		if err := restore(path, handle); err != nil {
			return err
		}
	}
	if err := makeFolders(); err != nil {
		return err
	}
	if err := hideKernelSettings(); err != nil {
		return err
	}
	// Volumes that kubelet mounts must show in containers.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("share mounts: %w", err)
	}
	return nil
}

// open takes hold of what the private folders would cover.
func open(keep []string) (map[string]int, error) {
	handles := map[string]int{}
	for _, path := range keep {
		handle, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
		handles[path] = handle
	}
	return handles, nil
}

// restore shows a directory again where it was, if a private folder covers it.
func restore(path string, handle int) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("/proc/self/fd/"+strconv.Itoa(handle), path, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("show %s: %w", path, err)
	}
	return nil
}

func makeFolders() error {
	for _, dir := range []string{"/run/netns", "/run/lock", "/var/log/pods", "/var/log/containers", "/var/lib/kubelet", "/var/lib/containerd"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return os.WriteFile("/run/resolv.conf", nil, 0o644)
}

func hideKernelSettings() error {
	dir := "/run/kernel-settings"
	for name, value := range kernelSettings {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(value), 0o644); err != nil {
			return err
		}
		if err := unix.Mount(file, "/proc/sys/"+name, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("hide kernel setting %s: %w", name, err)
		}
	}
	return nil
}
