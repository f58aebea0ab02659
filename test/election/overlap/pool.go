// Package overlap is one schedule of faults that makes two leaders where validity is counted wrongly: a renewal is applied and
// its reply comes late; once it has come the leader is cut off. Whoever counts from the reply believes in the term for longer
// than others wait.
package overlap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/proxy"
)

// Options of a pool.
type Options struct {
	Elector election.Elector
	// Kubeconfig of the members' account, whose user has a token.
	Kubeconfig string
	// Namespace and Pool name the Lease.
	Namespace, Pool string
	// Members is how many contend.
	Members int
	// Lease is the duration that they contend with; it bounds how long a run may take.
	Lease time.Duration
	// Args are appended to the members' command lines.
	Args []string
	// Stderr gets the members' logs. Nil: nobody.
	Stderr io.Writer
}

// Pool are members that contend, each behind a proxy of its own. Its methods are for one goroutine.
type Pool struct {
	options Options
	group   *election.Group
	links   map[*election.Member]*proxy.Proxy
}

// Start starts the members and waits until one of them works.
func Start(ctx context.Context, o Options) (*Pool, error) {
	p := &Pool{options: o, group: election.NewGroup(), links: map[*election.Member]*proxy.Proxy{}}
	for i := range o.Members {
		if err := p.add(ctx, i); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	ctx, cancel := p.bound(ctx)
	defer cancel()
	if _, err := p.group.Leader(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: nobody leads: %w", o.Pool, err), p.Close())
	}
	return p, nil
}

func (p *Pool) add(ctx context.Context, i int) error {
	link, err := proxy.Start(p.options.Kubeconfig)
	if err != nil {
		return err
	}
	m, err := p.group.Start(ctx, election.Options{
		Elector: p.options.Elector, Kubeconfig: link.Kubeconfig, Namespace: p.options.Namespace, Pool: p.options.Pool,
		Identity: fmt.Sprintf("%s-%d", p.options.Pool, i), Args: p.options.Args, Stderr: p.options.Stderr,
	})
	if err != nil {
		link.Close()
		return err
	}
	p.links[m] = link
	return nil
}

// bound is longer than anything here may take.
func (p *Pool) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, 5*p.options.Lease+30*time.Second, errors.New("it takes too long"))
}

// Close ends members and proxies.
func (p *Pool) Close() error {
	err := p.group.Kill()
	for _, link := range p.links {
		link.Close()
	}
	return err
}
