package election

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Elector says what a member contends with.
type Elector string

// The electors.
const (
	// Lead is core/lead, on the Lease of a pool of mode participant.
	Lead Elector = "lead"
	// ClientGo is client-go's, with ReleaseOnCancel.
	ClientGo Elector = "client-go"
	// Lock is client-go's on the Lease of a pool of mode participant, by kube.ResourceLock.
	Lock Elector = "lock"
)

// Options of a member.
type Options struct {
	Elector Elector
	// Kubeconfig of the account that the member has; test/proxy has one too.
	Kubeconfig string
	// Namespace and Pool name the Lease.
	Namespace, Pool string
	// Identity is what the member calls itself; UID its pod's. Empty: the member finds names of its own.
	Identity, UID string
	// Container is the name of the container in which the member is the first process, as the kubelet would start it: the member
	// finds there which container and which start of it that is. It needs root, and a UID of the form that pods have. Empty: it
	// is in none.
	Container string
	// Args are appended to the command line; see test/cmd/member.
	Args []string
	// Stderr gets the member's log. Nil: nobody.
	Stderr io.Writer
}

// Event is what befell a member.
type Event struct {
	// At is when, by the machine's monotonic clock.
	At time.Duration
	// Name is waits (core/lead only), began, decided, told, overran, ended or stopped; with a register also increments, writes, late, wrote, refused or unknown.
	Name string
	// Term is 0 where the elector has none.
	Term int64
	// Value is what the register is to have, or has.
	Value int64
	// Cause is why the work was told to end.
	Cause string
}

// Now is the machine's monotonic clock.
func Now() time.Duration {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // of a clock that Linux always has
	return time.Duration(now.Nano())
}

// Member is a process that contends. Its methods are safe for concurrent use, but for those that read events.
type Member struct {
	Options
	// Events are what befalls it, in order; closed when it has ended.
	Events <-chan Event

	process *os.Process
	stdin   io.WriteCloser
	ended   chan struct{}
	once    sync.Once
}

// Start starts a member. It lives until it is killed, told to stop, or this process ends.
func Start(ctx context.Context, o Options) (*Member, error) {
	path, err := build(ctx)
	if err != nil {
		return nil, fmt.Errorf("start a member: %w", err)
	}
	c := exec.Command(path, append([]string{"-elector", string(o.Elector), "-namespace", o.Namespace, "-pool", o.Pool}, o.Args...)...) // it lives until it is told to end
	c.Args[0] = "member"                                                                                                               // also its name in the audit log
	c.Env = append(os.Environ(), "KUBECONFIG="+o.Kubeconfig, "POD_NAME="+o.Identity, "POD_UID="+o.UID)
	c.Stderr = o.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	remove, err := contain(c, o)
	if err != nil {
		return nil, fmt.Errorf("start a member in a container: %w", err)
	}
	stdin, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	events := make(chan Event, 1000)
	m := &Member{Options: o, Events: events, stdin: stdin, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the parent death signal is that of the thread
		defer runtime.UnlockOSThread()
		err := c.Start()
		started <- err
		if err != nil {
			remove()
			return
		}
		read(stdout, events)
		_ = c.Wait() // how it ended is for those who ended it
		remove()
		close(m.ended)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start a member: %w", err)
	}
	m.process = c.Process
	return m, nil
}

func read(r io.Reader, events chan<- Event) {
	defer close(events)
	for lines := bufio.NewScanner(r); lines.Scan(); {
		var e struct {
			At    time.Duration `json:"at"`
			Event string        `json:"event"`
			Term  int64         `json:"term"`
			Value int64         `json:"value"`
			Cause string        `json:"cause"`
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err == nil {
			events <- Event{At: e.At, Name: e.Event, Term: e.Term, Value: e.Value, Cause: e.Cause}
		}
	}
}

// Await reads events up to the first of a name.
func (m *Member) Await(ctx context.Context, name string) (Event, error) {
	for {
		select {
		case e, ok := <-m.Events:
			if !ok {
				return Event{}, fmt.Errorf("%s ended before %q", m.Identity, name)
			}
			if e.Name == name {
				return e, nil
			}
		case <-ctx.Done():
			return Event{}, fmt.Errorf("%s: await %q: %w", m.Identity, name, context.Cause(ctx))
		}
	}
}

// Yield lets the work return: the lead is released and contended for again. It has no effect on a member that does not lead,
// until it does.
func (m *Member) Yield() error { return m.command("yield") }

// Stop ends the member in good order and waits for that.
func (m *Member) Stop() error {
	err := m.command("stop")
	<-m.ended
	return err
}

func (m *Member) command(text string) error {
	_, err := io.WriteString(m.stdin, text+"\n")
	return err
}

// Kill ends the process without a word and waits until it is gone.
func (m *Member) Kill() error {
	err := m.process.Kill()
	<-m.ended
	m.once.Do(func() { _ = m.stdin.Close() }) // of a process that is gone
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// HasEnded says whether the process is gone.
func (m *Member) HasEnded() bool {
	select {
	case <-m.ended:
		return true
	default:
		return false
	}
}

// Freeze stops the process with SIGSTOP and returns when it stands still.
func (m *Member) Freeze() error { return Freeze(m.process) }

// Resume lets a frozen process go on.
func (m *Member) Resume() error { return m.process.Signal(syscall.SIGCONT) }
