package zenlead

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// Client asks one zen-lead about the pools of one namespace, and takes its locks. It is safe for concurrent use. Whoever called [New] closes it.
type Client struct {
	namespace string
	shared    *shared
}

// shared is what clients of several namespaces have in common.
type shared struct {
	transport transport
	terms     terms
	keeper    keeper
	partings  partings
	// rotates: the next time that it is read the token may be another.
	rotates bool
	now     func() instant
	// life ends when the client is closed.
	life  context.Context
	close func() error
}

// New returns a client of the zen-lead at target: "zen-lead-api.zen-lead-system.svc:9090", or another target of gRPC, is asked by
// gRPC, "https://zen-lead-api.zen-lead-system.svc" by HTTP. Both are always encrypted. It does not connect before the first call.
//
// The client keeps a connection until it is closed. Give each call a context with a deadline: there is none by default.
func New(target string, opts ...Option) (*Client, error) {
	o, err := complete(opts)
	if err != nil {
		return nil, err
	}
	// What cannot be used now is a mistake of the caller's; later it is trouble that may pass.
	if _, err := o.token.read(); err != nil {
		return nil, err
	}
	pem, err := o.ca.read()
	if err != nil {
		return nil, err
	}
	if _, err := o.ca.config(pem); err != nil {
		return nil, err
	}
	connect := connectGRPC
	switch {
	case strings.HasPrefix(target, "https://"):
		connect = connectREST
	case target == "" || strings.HasPrefix(target, "http://"):
		return nil, fmt.Errorf("%w: the target %q is neither host:port nor https://host", ErrInvalidArgument, target)
	}
	t, err := connect(target, o)
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancelCause(context.Background())
	all := &shared{transport: t, rotates: o.token.path != "", now: machineClock, life: life}
	all.keeper.shared = all
	all.close = sync.OnceValue(func() error {
		all.keeper.close()
		all.partings.wait(partingTime)
		end(errClosed)
		return t.close()
	})
	return &Client{namespace: o.namespace, shared: all}, nil
}

// Namespace returns a client for the pools and locks of another namespace by the same connection; "" is "default". Closing one
// closes both.
func (c *Client) Namespace(namespace string) *Client {
	if namespace == "" {
		namespace = "default" // and not, for Pools, all
	}
	return &Client{namespace: namespace, shared: c.shared}
}

// Close ends the connection, all calls, and every [Client.Watch] and [Guard]. Locks that are held end at once and run out by themselves,
// since what they allowed may go on: unlock them before. What is being given up is waited for, for a second at most.
func (c *Client) Close() error { return c.shared.close() }

// name is what a pool may be called: nothing that a path of a URL could take for something else.
var name = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)

// pool is a pool of this client's namespace.
func (c *Client) pool(pool string) (poolKey, error) {
	if !name.MatchString(pool) {
		return poolKey{}, fmt.Errorf("%w: %q cannot be the name of a pool", ErrInvalidArgument, pool)
	}
	return poolKey{namespace: c.namespace, name: pool}, nil
}

// during returns a context that ends with the client, too.
func (s *shared) during(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.life, func() { cancel(context.Cause(s.life)) })
	if s.life.Err() != nil {
		cancel(context.Cause(s.life)) // at once, and not when a goroutine comes to it
	}
	return ctx, func() {
		stop()
		cancel(nil)
	}
}
