package lock

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/kube-zen/zen-lead/test/election"
)

// holderProcess holds locks until it is killed. It ends when its standard input does, so it cannot outlive this process.
type holderProcess struct {
	command *exec.Cmd
	all     chan struct{} // closed once it holds all
	ended   chan struct{} // closed once all that it told was read

	mu sync.Mutex
	// renewed is when the last renewal of each lock was sent, of those that were answered; newest is when it told the last, and told when
	// it told anything.
	renewed      []time.Duration
	newest, told time.Duration
}

func (r *rig) startHolder(ctx context.Context, locks int) (*holderProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("holder: %w", err)
	}
	c := exec.CommandContext(ctx, self, HolderCommand)
	c.Stderr = os.Stderr
	input, inErr := c.StdinPipe()
	output, outErr := c.StdoutPipe()
	if err := errors.Join(inErr, outErr); err != nil {
		return nil, fmt.Errorf("holder: %w", err)
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("holder: %w", err)
	}
	p := &holderProcess{command: c, all: make(chan struct{}), ended: make(chan struct{}), renewed: make([]time.Duration, locks)}
	go p.listen(output)
	at := r.controllers[0].API
	err = json.NewEncoder(input).Encode(holding{Address: at.GRPC, CA: at.CA, Token: r.accounts[0], Locks: locks})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("holder: %w", err), p.kill())
	}
	return p, nil
}

func (p *holderProcess) listen(out io.Reader) {
	defer close(p.ended)
	lines := json.NewDecoder(out)
	for first := true; ; first = false {
		var r renewals
		if err := lines.Decode(&r); err != nil {
			return
		}
		p.mu.Lock()
		p.told = election.Now()
		for n, i := range r.Locks {
			p.renewed[i], p.newest = r.At[n], p.told
		}
		p.mu.Unlock()
		if first {
			close(p.all)
		}
	}
}

// owner is how its client names it.
func (p *holderProcess) owner() string {
	host, _ := os.Hostname() // as it does
	return fmt.Sprintf("%s/%d", cmp.Or(os.Getenv("POD_NAME"), host), p.command.Process.Pid)
}

// await waits until it holds all.
func (p *holderProcess) await(ctx context.Context) error {
	select {
	case <-p.all:
		return nil
	case <-p.ended:
		return errors.New("holder: it has ended")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// fromNow is how far from now the last renewal must be that was told of, and the next one that is due: more than it takes to hear of one.
const fromNow = 200 * time.Millisecond

// quiet waits until no renewal is under way, so that it is known which were heard. A client renews a lock a third of its ttl after the last time.
func (p *holderProcess) quiet(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("holder: it renews all the time"))
	defer cancel()
	for {
		now := election.Now()
		p.mu.Lock()
		next := slices.Min(p.renewed) + ttl/3
		quiet := now-p.newest > fromNow && next-now > fromNow && now-p.told < fromNow
		p.mu.Unlock()
		if quiet {
			return nil
		}
		if err := pause(ctx, lookEvery/2); err != nil {
			return err
		}
	}
}

// kill ends it at once, and returns when all that it told was read.
func (p *holderProcess) kill() error {
	err := p.command.Process.Kill()
	<-p.ended
	_ = p.command.Wait() // it was killed; its input is closed with it
	return err
}
