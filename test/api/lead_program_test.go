package api_test

import (
	"bufio"
	"bytes"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/guide"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

// runProgram builds the program of a page of the documentation and runs it; what it prints is sent line by line.
func runProgram(ctx context.Context, page, kubeconfig string) <-chan string {
	GinkgoHelper()
	root, err := zenlead.Root()
	Expect(err).NotTo(HaveOccurred())
	dir := GinkgoT().TempDir()
	Expect(guide.Write(root, page, dir, map[string]string{"work.go": workOfProgram})).To(Succeed())
	binary := filepath.Join(dir, "program")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, ".")
	build.Dir = dir
	output, err := build.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "%s", output)

	running, stop := context.WithCancel(ctx)
	command := exec.CommandContext(running, binary)
	command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	printed, writes, err := os.Pipe()
	Expect(err).NotTo(HaveOccurred())
	command.Stdout, command.Stderr = writes, writes
	Expect(command.Start()).To(Succeed())
	Expect(writes.Close()).To(Succeed())
	lines := make(chan string, 1000)
	go func() {
		for s := bufio.NewScanner(printed); s.Scan(); {
			lines <- s.Text()
		}
		_ = printed.Close()
	}()
	DeferCleanup(func() {
		stop()
		_ = command.Wait() // it was killed
	})
	return lines
}

// logged is what was logged while a spec runs.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *logged) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *logged) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// capture takes what is logged by default, until the spec ends.
func capture() *logged {
	s := &logged{}
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(s, nil)))
	DeferCleanup(func() { slog.SetDefault(before) })
	return s
}
