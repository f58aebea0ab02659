package cluster

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestSweepSparesHomesWithAnOwner(t *testing.T) {
	root := t.TempDir()
	owned, orphan := filepath.Join(root, "cluster-owned"), filepath.Join(root, "cluster-orphan")
	for _, dir := range []string{owned, orphan} {
		lock, err := tryLock(filepath.Join(dir, lockFile))
		if err != nil {
			t.Fatal(err)
		}
		if dir == owned {
			t.Cleanup(lock.release)
		} else {
			lock.release()
		}
	}
	sweep(root, newReporter(nil))
	if !exists(owned) {
		t.Error("a home whose lock is held was removed")
	}
	if exists(orphan) {
		t.Error("a home that nobody holds the lock of is still there")
	}
}

func TestAProcessWithTheSamePIDIsNotKilledForAnother(t *testing.T) {
	bystander := exec.CommandContext(t.Context(), "cat")
	input, err := bystander.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	id, err := identify(bystander.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	earlier := identity{PID: id.PID, StartTime: id.StartTime - 1}
	if err := earlier.kill(); err != nil {
		t.Fatal(err)
	}
	if err := input.Close(); err != nil {
		t.Fatal(err)
	}
	if err := bystander.Wait(); err != nil {
		t.Errorf("a process was killed that only had the PID: %v", err)
	}
}

// A start that was cut off leaves running processes and a state that is not ready: the next start in that directory ends them first.
func TestAStartThatWasCutOffIsCleanedUp(t *testing.T) {
	h := home{dir: t.TempDir()}
	left := exec.CommandContext(t.Context(), "cat")
	input, err := left.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer input.Close()
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	id, err := identify(left.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.writeState(state{Processes: map[Component]identity{Etcd: id}}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- left.Wait() }()
	if err := h.takeOver(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the process that was left ended by itself")
		}
	case <-time.After(5 * time.Second):
		t.Error("the process that was left lives on")
	}
	if _, err := readState(h.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the state is still there: %v", err)
	}
}
