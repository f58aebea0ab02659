package guard

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/procfs"
)

// cgroup is a control group of version 2, below this process's own.
type cgroup struct{ path string }

const prefix = "zen-lead-"

// makeCgroup makes a control group. It fails where there is none of version 2, or it may not be written: in most containers.
func makeCgroup() (*cgroup, error) {
	self, err := procfs.Self()
	if err != nil {
		return nil, err
	}
	mounts, err := self.MountInfo()
	if err != nil {
		return nil, err
	}
	groups, err := self.Cgroups()
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		if g.HierarchyID != 0 {
			continue // version 1
		}
		for _, m := range mounts {
			if m.FSType == "cgroup2" {
				return newCgroup(filepath.Join(m.MountPoint, strings.TrimPrefix(g.Path, cmp.Or(m.Root, "/"))))
			}
		}
	}
	return nil, errors.New("no control groups of version 2")
}

func newCgroup(parent string) (*cgroup, error) {
	left, _ := filepath.Glob(filepath.Join(parent, prefix+"*")) // the pattern is well formed
	for _, path := range left {
		_ = os.Remove(path) // a guard that was killed left it; one in which somebody lives stays
	}
	path, err := os.MkdirTemp(parent, prefix)
	if err != nil {
		return nil, err
	}
	c := &cgroup{path}
	if _, err := os.Stat(c.file("cgroup.kill")); err != nil { // Linux before 5.14, or no control group at all
		return nil, errors.Join(err, c.remove())
	}
	return c, nil
}

func (c *cgroup) file(name string) string { return filepath.Join(c.path, name) }

// kill kills all that is in it, in one stroke.
func (c *cgroup) kill() error {
	if err := os.WriteFile(c.file("cgroup.kill"), []byte("1"), 0o200); err != nil {
		return fmt.Errorf("kill the control group: %w", err)
	}
	return nil
}

// remove removes it. It fails while a process is in it.
func (c *cgroup) remove() error { return os.Remove(c.path) }
