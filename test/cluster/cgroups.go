package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const cgroupRoot = "/sys/fs/cgroup"

// cgroupPrefix begins the name of every control group of ours.
const cgroupPrefix = "zen-lead."

// delegated are the controllers that nodes need in a version 2 hierarchy.
const delegated = "+cpuset +cpu +io +memory +pids"

// alsoDelegated is one that kubelet insists on where the machine has it.
const alsoDelegated = "hugetlb"

// cgroupName is the group of all nodes of a cluster, named after the switch: it is in use for as long as that process lives.
func cgroupName(owner identity) string {
	return fmt.Sprintf("%s%d.%d", cgroupPrefix, owner.PID, owner.StartTime)
}

// makeCgroups makes the group of each node, in every hierarchy of the machine.
func makeCgroups(group string, nodes []Component) error {
	hierarchies, err := cgroupHierarchies()
	if err != nil {
		return err
	}
	for _, hierarchy := range hierarchies {
		if err := makeCgroup(hierarchy, group); err != nil {
			return err
		}
		for _, node := range nodes {
			if err := makeCgroup(filepath.Join(hierarchy, group), string(node)); err != nil {
				return err
			}
		}
	}
	return nil
}

// cgroupHierarchies are the directories under which groups are made: one in version 2, one for each controller in version 1 and in the
// hybrid layout.
func cgroupHierarchies() ([]string, error) {
	if filesystem(cgroupRoot) == unix.CGROUP2_SUPER_MAGIC {
		return []string{cgroupRoot}, nil
	}
	entries, err := os.ReadDir(cgroupRoot)
	if err != nil {
		return nil, fmt.Errorf("real nodes need control groups: %w", err)
	}
	var found []string
	for _, entry := range entries {
		dir := filepath.Join(cgroupRoot, entry.Name())
		// Symbolic links are second names: cpu,cpuacct.
		if entry.Type()&fs.ModeSymlink != 0 {
			continue
		}
		if kind := filesystem(dir); kind == unix.CGROUP_SUPER_MAGIC || kind == unix.CGROUP2_SUPER_MAGIC {
			found = append(found, dir)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("real nodes need control groups: none is mounted below %s", cgroupRoot)
	}
	return found, nil
}

func filesystem(path string) int64 {
	var found unix.Statfs_t
	if err := unix.Statfs(path, &found); err != nil {
		return 0
	}
	return found.Type
}

func makeCgroup(parent, name string) error {
	if parent == cgroupRoot || filesystem(parent) == unix.CGROUP2_SUPER_MAGIC && filesystem(cgroupRoot) == unix.CGROUP2_SUPER_MAGIC {
		if err := delegate(parent); err != nil {
			return err
		}
	}
	dir := filepath.Join(parent, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("real nodes need a control group of their own: %w", err)
	}
	// In version 1 a new group of cpuset has no processors and takes no process.
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		if filepath.Base(filepath.Dir(dir)) != "cpuset" && !strings.Contains(dir, "/cpuset/") {
			continue
		}
		value, err := os.ReadFile(filepath.Join(parent, file))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, file), value, 0); err != nil {
			return err
		}
	}
	return nil
}

// delegate lets the groups below one of version 2 have the controllers that nodes need.
func delegate(group string) error {
	available, err := os.ReadFile(filepath.Join(group, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("real nodes need control groups: %w", err)
	}
	controllers := delegated
	if slices.Contains(strings.Fields(string(available)), alsoDelegated) {
		controllers += " +" + alsoDelegated
	}
	if err := os.WriteFile(filepath.Join(group, "cgroup.subtree_control"), []byte(controllers), 0o644); err != nil {
		return fmt.Errorf("real nodes need the controllers %q of control groups version 2 in %s, which must hold no process of its own and has %q: %w",
			controllers, group, strings.TrimSpace(string(available)), err)
	}
	return nil
}

// removeCgroup removes a group and those below it, in every hierarchy. Their processes have ended.
func removeCgroup(group string) error {
	hierarchies, err := cgroupHierarchies()
	if err != nil {
		return err
	}
	var failed []error
	for _, hierarchy := range hierarchies {
		failed = append(failed, removeGroups(filepath.Join(hierarchy, group)))
	}
	return errors.Join(failed...)
}

// removeGroups removes depth first: a group with groups below it cannot be removed, and its files go with it.
func removeGroups(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		if err := removeGroups(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return os.Remove(dir)
}

// sweepCgroups removes the groups of clusters whose switch has ended: their callers were killed.
func sweepCgroups(report reporter) {
	hierarchies, err := cgroupHierarchies()
	if err != nil {
		return
	}
	for _, hierarchy := range hierarchies {
		groups, err := filepath.Glob(filepath.Join(hierarchy, cgroupPrefix+"*"))
		if err != nil {
			return
		}
		for _, group := range groups {
			owner, ours := ownerOf(filepath.Base(group))
			if !ours || owner.alive() {
				continue
			}
			if err := removeGroups(group); err != nil {
				report.say("cannot remove %s, which a killed process left: %v", group, err)
			}
		}
	}
}

// ownerOf reads the owner of a group off its name; a group with another name is not ours.
func ownerOf(group string) (owner identity, ours bool) {
	pid, startTime, _ := strings.Cut(strings.TrimPrefix(group, cgroupPrefix), ".")
	var err error
	if owner.PID, err = strconv.Atoi(pid); err != nil {
		return identity{}, false
	}
	owner.StartTime, err = strconv.ParseUint(startTime, 10, 64)
	return owner, err == nil && group == cgroupName(owner)
}
