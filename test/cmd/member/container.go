package main

import "golang.org/x/sys/unix"

// contain makes this process see what it would see as the first of a container: a /proc of its own PID namespace, and the file
// of the kubelet in the list of mounts. It changes nothing outside of its namespaces.
func contain(terminationLog string) error {
	if terminationLog == "" {
		return nil
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return err
	}
	return unix.Mount(terminationLog, terminationLog, "", unix.MS_BIND, "")
}
