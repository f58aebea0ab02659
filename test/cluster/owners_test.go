package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/test/cluster"
)

func TestAKilledCallerLeavesNoProcess(t *testing.T) {
	caller := exec.CommandContext(t.Context(), os.Args[0])
	caller.Env = append(os.Environ(), callerVariable+"=1")
	caller.Stderr = os.Stderr
	output, err := caller.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := caller.Start(); err != nil {
		t.Fatal(err)
	}
	var said started
	if err := json.NewDecoder(output).Decode(&said); err != nil {
		t.Fatalf("the caller said nothing: %v", err)
	}
	handles := open(t, said.PIDs)
	if err := caller.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = caller.Wait() // says that it was killed

	for pid, handle := range handles {
		// A handle of a process becomes readable when it ends.
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}, int((5 * time.Second).Milliseconds()))
		if err != nil || ready != 1 {
			t.Errorf("process %d lives on after its caller was killed (%v)", pid, err)
		}
	}
	t.Run("the next start removes what it left", func(t *testing.T) {
		if _, err := os.Stat(said.Dir); err != nil {
			t.Fatalf("nothing was left: %v", err)
		}
		start(t, cluster.Options{APIOnly: true})
		if _, err := os.Stat(said.Dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", said.Dir, err)
		}
	})
}

// open takes handles of processes while they live, so that a PID that is used again cannot be mistaken for them.
func open(t *testing.T, pids []int) map[int]int {
	handles := map[int]int{}
	for _, pid := range pids {
		handle, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Fatalf("process %d does not run: %v", pid, err)
		}
		t.Cleanup(func() { unix.Close(handle) })
		handles[pid] = handle
	}
	return handles
}

func TestTwoClustersAtOnceAreStrangers(t *testing.T) {
	var both [2]*cluster.Cluster
	var starting errgroup.Group
	for i := range both {
		starting.Go(func() (err error) {
			both[i], err = cluster.Start(t.Context(), cluster.Options{APIOnly: true})
			return err
		})
	}
	err := starting.Wait()
	for _, c := range both {
		if c != nil {
			t.Cleanup(func() { _ = c.Stop() })
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	keep(t, clientOf(t, both[0]), "mine")
	if _, err := clientOf(t, both[1]).CoreV1().ConfigMaps("default").Get(t.Context(), "mine", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("one cluster answers for an object of the other: %v", err)
	}
	if err := both[0].Stop(); err != nil {
		t.Fatal(err)
	}
	keep(t, clientOf(t, both[1]), "survivor")
}

func TestADetachedClusterIsFoundAndEnded(t *testing.T) {
	options := cluster.Options{APIOnly: true, Detached: true, Dir: t.TempDir()}
	c, err := cluster.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	// The test's own context has ended by the time of the clean-up.
	t.Cleanup(func() { _ = cluster.End(context.WithoutCancel(t.Context()), options.Dir) })
	handles := open(t, []int{pidOf(t, c, cluster.ControlPlane)})

	if _, err := cluster.Start(t.Context(), options); !errors.Is(err, cluster.ErrRunning) {
		t.Errorf("second start: %v", err)
	}
	found, err := cluster.Open(options.Dir)
	if err != nil {
		t.Fatal(err)
	}
	keep(t, clientOf(t, found), "by-another-process")
	if err := found.Kill(cluster.ControlPlane); err == nil {
		t.Error("a process of somebody else's cluster was killed by itself")
	}
	if err := cluster.End(t.Context(), options.Dir); err != nil {
		t.Fatal(err)
	}
	for pid, handle := range handles {
		if ready, err := unix.Poll([]unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}, 0); err != nil || ready != 1 {
			t.Errorf("process %d lives on (%v)", pid, err)
		}
	}
	if err := cluster.End(t.Context(), options.Dir); !errors.Is(err, cluster.ErrNotRunning) {
		t.Errorf("second end: %v", err)
	}
	if _, err := cluster.Open(options.Dir); !errors.Is(err, cluster.ErrNotRunning) {
		t.Errorf("open after end: %v", err)
	}
}
