package lock

import (
	"context"
	"errors"
	"fmt"
	"time"

	zenlead "github.com/kube-zen/zen-lead/sdk/go"
)

// newClient makes a client of a replica, as a program has that takes locks: one connection, with the token of an account. It does not connect yet.
func newClient(address, ca, token string) (*zenlead.Client, error) {
	return zenlead.New(address, zenlead.WithCAFile(ca), zenlead.WithToken(token), zenlead.WithNamespace(ours))
}

// clients are as many as wanted, of each replica and each account in turn.
func (r *rig) clients(n int) (all clients, err error) {
	for i := range n {
		at := r.controllers[i%len(r.controllers)].API
		c, err := newClient(at.GRPC, at.CA, r.accounts[i/len(r.controllers)%len(r.accounts)])
		if err != nil {
			return all, fmt.Errorf("client of %s: %w", at.GRPC, err)
		}
		all = append(all, c)
	}
	return all, nil
}

type clients []*zenlead.Client

func (all clients) close() (err error) {
	for _, c := range all {
		err = errors.Join(err, c.Close())
	}
	return err
}

// contender takes one lock again and again.
type contender struct {
	lock   *zenlead.Lock
	n      int
	orders *orders
}

// Lock waits for the lock.
func (c *contender) Lock(ctx context.Context) error {
	t := turnOf{contender: c.n, sent: time.Since(c.orders.began)}
	ctx = zenlead.WithTrace(ctx, zenlead.Trace{Place: func(zenlead.Place) {
		if t.waited == 0 {
			t.waited = time.Since(c.orders.began)
		}
	}})
	if err := c.lock.Lock(ctx); err != nil {
		return err
	}
	t.granted, t.token = time.Since(c.orders.began), c.lock.Token()
	c.orders.add(t)
	return nil
}

// Unlock gives it up.
func (c *contender) Unlock(ctx context.Context) error { return c.lock.Unlock(ctx) }
