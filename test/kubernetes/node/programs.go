package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

// runtimeStart is how long the container runtime may take to listen; it takes half a second on an idle machine.
const runtimeStart = time.Minute

// program runs for as long as the machine does.
type program struct {
	Name string   `json:"name"`
	Args []string `json:"args"`
	// Log is appended to.
	Log string `json:"log"`
}

// runAll returns when a program has ended, which ends the machine with all that runs on it: this process is its PID 1.
func (c machineConfig) runAll() error {
	names := map[int]string{}
	pid, err := c.Runtime.start()
	if err != nil {
		return err
	}
	names[pid] = c.Runtime.Name
	if err := c.Runtime.load(); err != nil {
		return err
	}
	for _, p := range c.Programs {
		pid, err := p.start()
		if err != nil {
			return err
		}
		names[pid] = p.Name
	}
	return reapUntilOneEnds(names)
}

func (p program) start() (pid int, err error) {
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	started, err := os.StartProcess(p.Args[0], p.Args, &os.ProcAttr{Files: []*os.File{nil, log, log}, Env: environment()})
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", p.Name, err)
	}
	return started.Pid, nil
}

// environment keeps what a developer's shell has set away from the machine.
func environment() []string {
	return []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
}

func (r runtimeConfig) load() error {
	if err := awaitSocket(r.Socket); err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	for _, image := range r.Images {
		if err := runOnce(append(r.Load[:len(r.Load):len(r.Load)], image)); err != nil {
			return err
		}
	}
	return nil
}

func runOnce(args []string) error {
	command := exec.Command(args[0], args[1:]...)
	command.Env = environment()
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%q: %w: %s", args, err, output)
	}
	return nil
}

func awaitSocket(path string) error {
	deadline := time.Now().Add(runtimeStart)
	for {
		connection, err := net.Dial("unix", path)
		if err == nil {
			return connection.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("does not listen: %w", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// reapUntilOneEnds does the duty of a PID 1, which inherits the processes whose parents have ended.
func reapUntilOneEnds(names map[int]string) error {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("wait: %w", err)
		}
		if name, known := names[pid]; known {
			return fmt.Errorf("%s ended: exit code %d, signal %v", name, status.ExitStatus(), status.Signal())
		}
	}
}
