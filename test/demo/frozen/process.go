package frozen

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
	"syscall"

	"github.com/kube-zen/zen-lead/test/election"
)

// process is a member of the pool. It dies with this process.
type process struct {
	name  string
	of    *os.Process
	stdin io.WriteCloser
	lines chan string // closed when it has ended
	ended chan struct{}
	err   error // why, once it has
}

func start(o Options, name string) (*process, error) {
	args := []string{"-pool", o.Pool, "-db", o.database()}
	if o.Unfenced {
		args = append(args, "-unfenced")
	}
	c := exec.Command(o.Program, args...) // it lives until it is told to end
	c.Env = append(os.Environ(), "KUBECONFIG="+o.Kubeconfig, "ZEN_LEAD_IDENTITY="+name, "POD_UID=", "POD_NAMESPACE=")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	log, err := os.Create(filepath.Join(o.Logs, o.Pool+"-"+name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	c.Stderr = log
	p := &process{name: name, lines: make(chan string, 100), ended: make(chan struct{})}
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
			p.lines <- lines.Text()
		}
		close(p.lines)
		p.err = c.Wait()
		close(p.ended)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	p.of = c.Process
	return p, nil
}

// awaits returns the next line, which must be one of these.
func (p *process) awaits(ctx context.Context, whats ...string) (line, error) {
	select {
	case text, more := <-p.lines:
		if !more {
			return line{}, fmt.Errorf("process %s ended; expected %q", p.name, whats)
		}
		l, err := parse(text)
		for _, what := range whats {
			if err == nil && l.what == what {
				return l, nil
			}
		}
		return l, errors.Join(err, fmt.Errorf("process %s says %q; expected %q", p.name, text, whats))
	case <-ctx.Done():
		return line{}, fmt.Errorf("process %s: expected %q: %w", p.name, whats, context.Cause(ctx))
	}
}

// enter lets it take its next step: read, or write.
func (p *process) enter() error {
	_, err := io.WriteString(p.stdin, "\n")
	return err
}

// deposits has it read and write, n times.
func (p *process) deposits(ctx context.Context, n int) error {
	for range n {
		for _, what := range []string{"read", "wrote"} {
			if err := p.enter(); err != nil {
				return err
			}
			if _, err := p.awaits(ctx, what); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *process) freeze() error { return election.Freeze(p.of) }

func (p *process) resume() error { return p.of.Signal(syscall.SIGCONT) }

// leave has it release the lead and end in good order.
func (p *process) leave(ctx context.Context) error {
	if err := p.stdin.Close(); err != nil {
		return err
	}
	select {
	case <-p.ended:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// kill ends it and waits until it is gone.
func (p *process) kill() {
	_ = p.of.Kill() // or it has ended
	<-p.ended
}
