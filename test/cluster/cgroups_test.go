package cluster

import (
	"os"
	"path/filepath"
	"testing"
)

// kubelet refuses a group that lacks a controller of its own which the machine has.
func TestDelegate(t *testing.T) {
	for name, c := range map[string]struct{ available, want string }{
		"huge pages, as distributions have them": {"cpuset cpu io memory hugetlb pids rdma misc\n", "+cpuset +cpu +io +memory +pids +hugetlb"},
		"no huge pages":                          {"cpuset cpu io memory pids\n", "+cpuset +cpu +io +memory +pids"},
	} {
		t.Run(name, func(t *testing.T) {
			group := t.TempDir()
			if err := os.WriteFile(filepath.Join(group, "cgroup.controllers"), []byte(c.available), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := delegate(group); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(group, "cgroup.subtree_control"))
			if err != nil || string(got) != c.want {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
