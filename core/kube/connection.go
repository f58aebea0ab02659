package kube

import (
	"net"
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
	dialer := connrotation.NewDialer(connrotation.DialFunc(dial))
	c.Dial = dialer.DialContext // also makes these connections nobody else's
	leases, err := coordinationclient.NewForConfig(c)
	if err != nil {
		return nil, err
	}
	policies, err := PolicyClient(c)
	if err != nil {
		return nil, err
	}
	return &Connection{Leases: leases, Policies: policies, dialer: dialer}, nil
}

// Renew closes all connections: the next request dials anew. A connection whose other end is gone without a word takes requests
// for up to 45 s, which is longer than a term.
func (c *Connection) Renew() { c.dialer.CloseAll() }

// Close closes all connections, also those that wait to be used again: an idle one would stay for a minute and a half.
func (c *Connection) Close() { c.dialer.CloseAll() }
