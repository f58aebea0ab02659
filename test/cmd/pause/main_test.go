package main

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Three children die and one signal tells of it, as the kernel merges signals that wait.
func TestEveryDeadChildIsReaped(t *testing.T) {
	var children []int
	for range 3 {
		children = append(children, deadChild(t))
	}
	stop, died := make(chan os.Signal), make(chan os.Signal)
	returned := make(chan struct{})
	go func() {
		pause(stop, died)
		close(returned)
	}()
	died <- syscall.SIGCHLD
	stop <- syscall.SIGTERM // taken when the children are dealt with
	<-returned
	for _, pid := range children {
		if _, err := syscall.Wait4(pid, nil, syscall.WNOHANG, nil); !errors.Is(err, syscall.ECHILD) {
			t.Errorf("child %d was not reaped: %v", pid, err)
		}
	}
}

func TestItPausesOnWhileChildrenLive(t *testing.T) {
	child, err := os.StartProcess("/bin/sleep", []string{"sleep", "60"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Kill() }()
	reap() // returns, and the child lives
	if err := child.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the child is gone: %v", err)
	}
}

// deadChild returns a child that has ended and that nobody has waited for.
func deadChild(t *testing.T) int {
	t.Helper()
	pid, err := syscall.ForkExec("/bin/true", []string{"true"}, &syscall.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	return pid
}
