package e2e

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Machine is what a run could leave behind on the machine: each thing with what makes it that thing.
type Machine map[string]bool

// Look lists processes, mounts, network interfaces, routes and control groups.
func Look() (Machine, error) {
	found := Machine{}
	for _, look := range []func(Machine) error{lookProcesses, lookMounts, lookLinks, lookRoutes, lookCgroups} {
		if err := look(found); err != nil {
			return nil, fmt.Errorf("look at the machine: %w", err)
		}
	}
	return found, nil
}

// Since are the things that were not there before.
func (m Machine) Since(before Machine) []string {
	var left []string
	for thing := range maps.Keys(m) {
		if !before[thing] {
			left = append(left, thing)
		}
	}
	slices.Sort(left)
	return left
}

// programs of real nodes, by the names of their files. Others come and go on a machine, and are not ours.
var programs = []string{"node", "containerd", "containerd-shim-runc-v2", "runc", "control-plane", "kwok", "pause", "coredns", "zen-lead", "e2eapp"}

func lookProcesses(found Machine) error {
	entries, err := filepath.Glob("/proc/[0-9]*/exe")
	for _, entry := range entries {
		// A process that has ended meanwhile, or a thread of the kernel.
		program, err := os.Readlink(entry)
		if err != nil {
			continue
		}
		if isOurs(program) {
			found[fmt.Sprintf("process %s %s", filepath.Base(filepath.Dir(entry)), program)] = true
		}
	}
	return err
}

// isOurs tells our program node, which lies in a folder of zen-lead's, from that of the same name which half of the world runs.
func isOurs(program string) bool {
	name := strings.TrimSuffix(filepath.Base(program), " (deleted)")
	return slices.Contains(programs, name) && (name != "node" || strings.Contains(program, "/zen-lead/"))
}

func lookMounts(found Machine) error {
	return eachLine("/proc/self/mountinfo", func(line string) {
		if fields := strings.Fields(line); len(fields) > 4 {
			found["mount "+fields[4]] = true
		}
	})
}

func lookLinks(found Machine) error {
	links, err := net.Interfaces()
	for _, link := range links {
		found["link "+link.Name] = true
	}
	return err
}

func lookRoutes(found Machine) error {
	return eachLine("/proc/net/route", func(line string) {
		if fields := strings.Fields(line); len(fields) > 2 {
			found[fmt.Sprintf("route %s %s", fields[0], fields[1])] = true
		}
	})
}

// lookCgroups looks for groups that we or kubelets make. systemd's come and go with services and sessions.
func lookCgroups(found Machine) error {
	for _, pattern := range []string{"/sys/fs/cgroup/*", "/sys/fs/cgroup/*/*"} {
		groups, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, group := range groups {
			name := filepath.Base(group)
			if !strings.HasPrefix(name, "zen-lead.") && !strings.HasPrefix(name, "kubepods") {
				continue
			}
			if info, err := os.Lstat(group); err == nil && info.IsDir() {
				found["cgroup "+group] = true
			}
		}
	}
	return nil
}

func eachLine(file string, do func(string)) error {
	opened, err := os.Open(file)
	if err != nil {
		return err
	}
	defer opened.Close()
	scanner := bufio.NewScanner(opened)
	for scanner.Scan() {
		do(scanner.Text())
	}
	return scanner.Err()
}
