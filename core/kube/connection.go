package kube

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/connrotation"
)

// Connection is a connection to an API server, for one process that contends.
type Connection struct {
	Leases   coordinationclient.LeasesGetter
	Policies rest.Interface
	dialer   *connrotation.Dialer
	closed   atomic.Bool
}

// Connect prepares clients; it does not dial yet. The configuration is copied. Requests are not throttled by the client: a
// contender sends few, and a renewal must not wait for others.
func Connect(config *rest.Config) (*Connection, error) {
	c := rest.CopyConfig(config)
	c.QPS, c.Timeout = -1, 0
	dial := c.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	made := &Connection{dialer: connrotation.NewDialer(connrotation.DialFunc(dial))}
	c.Dial = made.dial // also makes these connections nobody else's
	var err error
	if made.Leases, err = coordinationclient.NewForConfig(c); err != nil {
		return nil, err
	}
	if made.Policies, err = PolicyClient(c); err != nil {
		return nil, err
	}
	return made, nil
}

// dial opens a connection, unless all are closed for good by then.
func (c *Connection) dial(ctx context.Context, network, address string) (net.Conn, error) {
	opened, err := c.dialer.DialContext(ctx, network, address)
	if err == nil && c.closed.Load() { // the transport dials on, though nobody asks any more
		return nil, errors.Join(net.ErrClosed, opened.Close())
	}
	return opened, err
}

// Renew closes all connections: the next request dials anew. A connection whose other end is gone without a word takes requests
// for up to 45 s, which is longer than a term.
func (c *Connection) Renew() { c.dialer.CloseAll() }

// Close closes all connections for good, also those that wait to be used again: an idle one would stay for a minute and a half.
func (c *Connection) Close() {
	c.closed.Store(true)
	c.dialer.CloseAll()
}
