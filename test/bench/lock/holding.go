package lock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// holderProcess holds locks until it is killed. It ends when its standard input does, so it cannot outlive this process.
type holderProcess struct {
	command *exec.Cmd
	input   io.Closer
	all     chan struct{} // closed once it holds all
	ended   chan struct{} // closed once all that it told was read

	mu sync.Mutex
	// asked and renewed are when the last renewal of each lock was sent, and the last that was answered.
	asked, renewed []time.Duration
}

func (r *rig) startHolder(ctx context.Context, locks int, ttl time.Duration) (*holderProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("holder: %w", err)
	}
	ca, err := os.ReadFile(r.controllers[0].API.CA)
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
	p := &holderProcess{
		command: c, input: input, all: make(chan struct{}), ended: make(chan struct{}),
		asked: make([]time.Duration, locks), renewed: make([]time.Duration, locks),
	}
	go p.listen(output)
	err = json.NewEncoder(input).Encode(holding{Address: r.controllers[0].API.GRPC, Token: r.accounts[0], CA: ca, Locks: locks, TTL: ttl})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("holder: %w", err), p.kill())
	}
	return p, nil
}

func (p *holderProcess) listen(out io.Reader) {
	defer close(p.ended)
	lines := json.NewDecoder(out)
	for {
		var r renewal
		if err := lines.Decode(&r); err != nil {
			return
		}
		p.mu.Lock()
		for _, i := range r.Locks {
			switch r.What {
			case asks:
				p.asked[i] = r.At
			case renewed:
				p.renewed[i] = r.At
			}
		}
		p.mu.Unlock()
		if r.What == holdsAll {
			close(p.all)
		}
	}
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

// kill ends it at once, and returns when all that it told was read.
func (p *holderProcess) kill() error {
	err := p.command.Process.Kill()
	<-p.ended
	_ = p.command.Wait() // it was killed; its input is closed with it
	return err
}
