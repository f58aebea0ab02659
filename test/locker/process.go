package locker

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"github.com/kube-zen/zen-lead/test/election"
)

// Process is a locker that runs. Its methods are safe for concurrent use.
type Process struct {
	Options

	process *os.Process
	stdin   io.WriteCloser
	ended   chan struct{}
	once    sync.Once
}

// Start starts a locker, whose events go to the log. It lives until it has taken its locks, is told to stop, is killed, or this process ends.
func Start(o Options, log *Log) (*Process, error) {
	options, err := o.encode()
	if err != nil {
		return nil, fmt.Errorf("start a locker: %w", err)
	}
	c := exec.Command("/proc/self/exe")
	c.Args[0] = "locker"
	c.Env = append(os.Environ(), options)
	c.Stderr = o.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	stdin, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p := &Process{Options: o, stdin: stdin, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the parent death signal is that of the thread
		defer runtime.UnlockOSThread()
		err := c.Start()
		started <- err
		if err != nil {
			return
		}
		p.follow(stdout, log)
		_ = c.Wait() // how it ended is for those who ended it
		log.note(p, Event{Name: Gone})
		close(p.ended)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start a locker: %w", err)
	}
	p.process = c.Process
	return p, nil
}

func (p *Process) follow(r io.Reader, log *Log) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		var e Event
		if err := json.Unmarshal(lines.Bytes(), &e); err == nil { // the last line may be cut off
			log.note(p, e)
		}
	}
}

// Yield ends one holding, now or when there is one.
func (p *Process) Yield() error { return p.command("yield") }

// Stop ends the process in good order, and waits for that.
func (p *Process) Stop() error {
	err := p.command("stop")
	<-p.ended
	return err
}

func (p *Process) command(text string) error {
	_, err := io.WriteString(p.stdin, text+"\n")
	return err
}

// Ended is closed when the process is gone.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Kill ends the process without a word and waits until it is gone.
func (p *Process) Kill() error {
	err := p.process.Kill()
	<-p.ended
	p.once.Do(func() { _ = p.stdin.Close() }) // of a process that is gone
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Freeze stops the process with SIGSTOP and returns when it stands still.
func (p *Process) Freeze() error { return election.Freeze(p.process) }

// Resume lets a frozen process go on.
func (p *Process) Resume() error { return p.process.Signal(syscall.SIGCONT) }
