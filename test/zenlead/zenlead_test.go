package zenlead_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

func start(t *testing.T) *zenlead.Controller {
	t.Helper()
	r, err := zenlead.Start(t.Context(), c, zenlead.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, r.Kill()) })
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAStartedControllerIsReadyAndStopsWell(t *testing.T) {
	r := start(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		status, err := r.Probe(t.Context(), path)
		must(t, err)
		if status != http.StatusOK {
			t.Errorf("%s answers %d", path, status)
		}
	}
	must(t, r.Stop(t.Context()))
}

func TestAKilledControllerIsGone(t *testing.T) {
	r := start(t)
	must(t, r.Kill())
	if err := syscall.Kill(r.PID(), 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is there: %v", err)
	}
	if err := r.Wait(t.Context()); err == nil {
		t.Error("Wait says that it ended well")
	}
}

func TestAFrozenControllerAnswersOnceItIsResumed(t *testing.T) {
	r := start(t)
	must(t, r.Freeze())
	frozen, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := r.Probe(frozen, "/healthz"); err == nil {
		t.Error("a frozen process answered")
	}
	must(t, r.Resume())
	must(t, r.AwaitReady(t.Context()))
}

func TestAControllerThatCannotStartSaysWhy(t *testing.T) {
	_, err := zenlead.Start(t.Context(), c, zenlead.Options{Args: []string{"--log-format=xml"}})
	if err == nil || !strings.Contains(err.Error(), "neither text nor json") {
		t.Errorf("error %v, want the end of the log", err)
	}
}

const orphanKubeconfig = "ZEN_LEAD_TEST_ORPHAN_KUBECONFIG"

// TestAControllerDiesWithWhoStartedIt starts this test once more, lets that start a controller and kills it.
func TestAControllerDiesWithWhoStartedIt(t *testing.T) {
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	must(t, c.KubeconfigFor(t.Context(), zenlead.Namespace, zenlead.Account, kubeconfig))
	parent := exec.CommandContext(t.Context(), os.Args[0])
	parent.Env = append(os.Environ(), orphanKubeconfig+"="+kubeconfig)
	said, err := parent.StdoutPipe()
	must(t, err)
	must(t, parent.Start())
	line, err := bufio.NewReader(said).ReadString('\n')
	must(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	must(t, err)
	must(t, syscall.Kill(pid, 0))

	must(t, parent.Process.Kill())
	_ = parent.Wait() // killed
	for deadline := time.After(10 * time.Second); ; {
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		select {
		case <-deadline:
			t.Fatal("the controller outlived the process that started it")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// beKilled starts a controller, prints its process and waits for the end.
func beKilled(ctx context.Context) int {
	kubeconfig := os.Getenv(orphanKubeconfig)
	r, err := zenlead.Start(ctx, &cluster.Cluster{Dir: filepath.Dir(kubeconfig)}, zenlead.Options{Kubeconfig: kubeconfig})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(r.PID())
	<-ctx.Done()
	return 0
}
