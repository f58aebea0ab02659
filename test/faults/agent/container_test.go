package agent_test

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// podUID is the UID of the pod whose container a member is in.
const podUID = "7f3c2b1a-5d4e-4f6a-8b9c-0d1e2f3a4b5c"

// inContainer has a member be the first process of a container: PID and mount namespaces of its own, and the file for its last words
// under the name that the kubelet gives it, another for each start.
func inContainer(o *options) { o.container = "work" }

func (m *member) contain(o options) {
	GinkgoHelper()
	if o.prelude != "" {
		m.become(o.prelude)
		m.SysProcAttr.Cloneflags = syscall.CLONE_NEWNS
	}
	if o.container == "" {
		return
	}
	start := make([]byte, 4)
	_, _ = rand.Read(start) // never fails
	file := filepath.Join(GinkgoT().TempDir(), "pods", podUID, "containers", o.container, hex.EncodeToString(start))
	Expect(os.MkdirAll(filepath.Dir(file), 0o755)).To(Succeed())
	Expect(os.WriteFile(file, nil, 0o644)).To(Succeed())
	script := `mount --make-rprivate / && mount -t proc proc /proc && mount --bind "$1" "$1" && shift && exec "$@"`
	m.become(script, file)
	m.Env = append(m.Env, "POD_UID="+podUID)
	m.SysProcAttr.Cloneflags = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID
}

// become has the member be started by a shell script, which gets arguments and then the member's.
func (m *member) become(script string, args ...string) {
	GinkgoHelper()
	agent, err := os.Readlink(m.Path) // an open file: its number is another one in there
	Expect(err).NotTo(HaveOccurred())
	m.Args = slices.Concat([]string{"sh", "-c", script, "sh"}, args, []string{strings.TrimSuffix(agent, " (deleted)")}, m.Args[1:])
	m.Path = "/bin/sh"
}
