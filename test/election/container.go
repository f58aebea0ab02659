package election

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// contain has a member started as the first process of a container: PID and mount namespaces of its own, and a file for its last
// words under the name that the kubelet gives it, another for each start. remove removes the file.
func contain(c *exec.Cmd, o Options) (remove func(), err error) {
	if o.Container == "" {
		return func() {}, nil
	}
	dir, err := os.MkdirTemp("", "zen-lead-kubelet-")
	if err != nil {
		return nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) } // a temporary folder
	start := make([]byte, 4)
	_, _ = rand.Read(start) // never fails
	file := filepath.Join(dir, "pods", o.UID, "containers", o.Container, hex.EncodeToString(start))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		remove()
		return nil, err
	}
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		remove()
		return nil, err
	}
	c.Args = append(c.Args, "-termination-log", file)
	c.SysProcAttr.Cloneflags = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID
	return remove, nil
}

// Contained is nil where members can be started in containers, else why they cannot.
func Contained() error {
	c := exec.Command("/bin/true") // the namespaces are what is tried
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID}
	if err := c.Run(); err != nil {
		return fmt.Errorf("a process in namespaces of its own: %w", err)
	}
	return nil
}
