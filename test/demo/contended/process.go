package contended

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// work says its token, and ends when its input does.
const work = `echo "$ZEN_LEAD_TOKEN"; read -r _; exit 0`

// process is `zen-lead lock`, whose command is work. It dies with this process.
type process struct {
	name  string
	of    *os.Process
	stdin io.WriteCloser
	// said has the line that the command says, with when that was.
	said  chan said
	ended chan struct{}
	err   error // why, once it has
}

type said struct {
	line string
	at   time.Time
}

func start(o Options, name string) (*process, error) {
	c := exec.Command(o.Program, "lock", o.Lock, "--namespace", o.Namespace, "--server", o.Server, // it lives until it is told to end
		"--ca-file", o.CAFile, "--token-file", o.TokenFile, "--", "sh", "-c", work)
	c.Env = append(os.Environ(), "POD_NAME="+name, "KUBECONFIG=/dev/null")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	log, err := os.Create(filepath.Join(o.Logs, "lock-"+name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	c.Stderr = log
	p := &process{name: name, said: make(chan said, 1), ended: make(chan struct{})}
	if p.stdin, err = c.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the parent death signal is that of the thread
		defer runtime.UnlockOSThread()
		err := c.Start()
		started <- err
		if err != nil {
			return
		}
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			p.said <- said{lines.Text(), time.Now()}
		}
		p.err = c.Wait()
		close(p.ended)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	p.of = c.Process
	return p, nil
}

// holds waits until it holds the lock, and returns its token and since when.
func (p *process) holds(ctx context.Context) (token int64, since time.Time, err error) {
	select {
	case s := <-p.said:
		if token, err = strconv.ParseInt(s.line, 10, 64); err != nil {
			return 0, s.at, fmt.Errorf("%s says %q where it should say its token", p.name, s.line)
		}
		return token, s.at, nil
	case <-p.ended:
		return 0, time.Time{}, fmt.Errorf("%s has ended, and never had the lock: %w", p.name, errors.Join(p.err))
	case <-ctx.Done():
		return 0, time.Time{}, fmt.Errorf("%s waits for the lock: %w", p.name, context.Cause(ctx))
	}
}

// finish has the command end, and waits until the lock is released.
func (p *process) finish(ctx context.Context) error {
	if err := p.stdin.Close(); err != nil {
		return err
	}
	select {
	case <-p.ended:
		return p.err
	case <-ctx.Done():
		return fmt.Errorf("%s does not end: %w", p.name, context.Cause(ctx))
	}
}

// kill ends it and waits until it is gone.
func (p *process) kill() {
	_ = p.of.Kill() // or it has ended
	<-p.ended
}
