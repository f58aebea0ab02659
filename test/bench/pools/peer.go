package pools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// PeerCommand is the argument with which this program runs the peer and nothing else. The peer is a process of its own,
// as the controller is.
const PeerCommand = "peer"

// PeerNamespace is where the peer's pools are.
const PeerNamespace = theirs

// peerProcess ends when its standard input does, so it cannot outlive this process.
type peerProcess struct {
	command *exec.Cmd
	input   io.Closer
}

func startPeer(ctx context.Context, kubeconfig string) (*peerProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("peer: %w", err)
	}
	c := exec.CommandContext(ctx, self, PeerCommand)
	c.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	input, err := c.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("peer: %w", err)
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("peer: %w", err)
	}
	return &peerProcess{c, input}, nil
}

func (p *peerProcess) stop() error {
	err := p.input.Close()
	if wait := p.command.Wait(); wait != nil {
		err = errors.Join(err, fmt.Errorf("peer: %w", wait))
	}
	return err
}
