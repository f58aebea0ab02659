package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// program is what a process runs; it stays the same over restarts.
type program struct {
	name Component
	path string
	args []string
	log  string
	// detached: outlives the caller.
	detached bool
	// namespaces are the clone flags of the namespaces that the program gets for itself.
	namespaces uintptr
}

// process is one started program.
type process struct {
	program
	identity
	command *exec.Cmd
	// ended is closed when the process is gone and reaped.
	ended chan struct{}
	began time.Time
	// logStart is where this run's part of the log file begins.
	logStart int64
}

// start starts the program in a group of its own: Ctrl-C in a terminal reaches the caller alone, which then stops the cluster.
func (p program) start() (*process, error) {
	if err := os.MkdirAll(filepath.Dir(p.log), 0o755); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	info, err := log.Stat()
	if err != nil {
		return nil, err
	}
	command := exec.Command(p.path, p.args...)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = p.attributes()
	started := &process{program: p, command: command, ended: make(chan struct{}), began: time.Now(), logStart: info.Size()}
	if err := started.launch(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	return started, nil
}

func (p program) attributes() *syscall.SysProcAttr {
	if p.detached {
		return &syscall.SysProcAttr{Setsid: true, Cloneflags: p.namespaces}
	}
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Cloneflags: p.namespaces}
}

// launch starts the command on a thread of its own that stays until the command has ended.
//
// The parent death signal is what ends a cluster whose caller was killed with SIGKILL: the kernel sends it, so it also reaches a process that is
// frozen, and it needs no co-operation of binaries that are not ours (a pipe that the child watches needs both). It is bound
// to the *thread* that forked, and Go ends threads as it likes; hence the locked thread. Go closes the gap between fork and
// prctl by itself: a child whose parent is gone by then kills itself.
func (p *process) launch() error {
	launched := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := p.command.Start(); err != nil {
			launched <- err
			return
		}
		launched <- nil
		// How it ended says nothing that the log does not say better.
		_ = p.command.Wait()
		close(p.ended)
	}()
	if err := <-launched; err != nil {
		return err
	}
	id, err := identify(p.command.Process.Pid)
	if err != nil {
		// Gone so soon: the log says why, and whoever waits for readiness sees that it ended.
		id = identity{PID: p.command.Process.Pid}
	}
	p.identity = id
	return nil
}

func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// kill ends the process and returns when it is reaped.
func (p *process) kill() error {
	if err := p.signal(syscall.SIGKILL); err != nil && !errors.Is(err, ErrNotRunning) {
		return err
	}
	<-p.ended
	return nil
}

func (p *process) signal(signal syscall.Signal) error {
	err := p.command.Process.Signal(signal)
	if errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s: %w", p.name, ErrNotRunning)
	}
	if err != nil {
		return fmt.Errorf("send %s to %s: %w", signal, p.name, err)
	}
	return nil
}

// freeze returns when every thread of the process stands still.
func (p *process) freeze() error {
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	stopped := make(chan error, 1)
	go func() { stopped <- awaitStop(p.PID) }()
	select {
	case err := <-stopped:
		return err
	case <-p.ended:
		return fmt.Errorf("%s: %w", p.name, ErrNotRunning)
	}
}

func awaitStop(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED, nil)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// logTail is the end of what this run wrote.
func (p *process) logTail() string {
	content, err := os.ReadFile(p.log)
	if err != nil || int64(len(content)) < p.logStart {
		return ""
	}
	return lastLines(content[p.logStart:], 15)
}
