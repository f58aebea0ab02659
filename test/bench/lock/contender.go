package lock

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/durationpb"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// hold is for how long a lock is held here: longer than any turn of another program, so that nobody need renew meanwhile.
const hold = 60 * time.Second

// caller is one who takes locks of zen-lead, on one connection.
type caller struct {
	connection *grpc.ClientConn
	service    zenleadv1.LockServiceClient
	owner      string
}

// newCaller makes a caller. It does not connect yet.
func newCaller(address string, ca *x509.CertPool, token, owner string) (*caller, error) {
	connection, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: ca})),
		grpc.WithPerRPCCredentials(bearer(token)),
	)
	if err != nil {
		return nil, fmt.Errorf("caller of %s: %w", address, err)
	}
	return &caller{connection: connection, service: zenleadv1.NewLockServiceClient(connection), owner: owner}, nil
}

// callers are as many as wanted, each with a connection of its own, to each replica and of each account in turn.
func (r *rig) callers(n int) (all []*caller, err error) {
	for i := range n {
		at := r.controllers[i%len(r.controllers)]
		ca, err := authority(at)
		if err != nil {
			return all, err
		}
		c, err := newCaller(at.API.GRPC, ca, r.accounts[i/len(r.controllers)%len(r.accounts)], fmt.Sprintf("contender-%d", i))
		if err != nil {
			return all, err
		}
		all = append(all, c)
	}
	return all, nil
}

func closeCallers(all []*caller) (err error) {
	for _, c := range all {
		err = errors.Join(err, c.connection.Close())
	}
	return err
}

// acquire asks for a lock and waits for it, or does not if it is only tried. waits is called when it is told that it waits.
func (c *caller) acquire(ctx context.Context, lock, id string, ttl time.Duration, try bool, waits func()) (*zenleadv1.Granted, error) {
	q := &zenleadv1.AcquireRequest{Lock: lock, Namespace: ours, Acquisition: &zenleadv1.Acquisition{
		RequestId: id, Owner: c.owner, TtlSeconds: int32(ttl / time.Second),
	}}
	if try {
		q.Acquisition.Wait = durationpb.New(0)
	}
	stream, err := c.service.Acquire(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("Acquire: %w", err)
	}
	for {
		m, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil, errors.New("Acquire: ended without a grant")
		case err != nil:
			return nil, fmt.Errorf("Acquire: %w", err)
		case m.GetGranted() != nil:
			return m.GetGranted(), nil
		case m.GetWaiting() != nil && waits != nil:
			waits()
			waits = nil
		}
	}
}

func (c *caller) release(ctx context.Context, lock string, g *zenleadv1.Granted) error {
	_, err := c.service.Release(ctx, &zenleadv1.ReleaseRequest{Lock: lock, Namespace: ours, Holding: &zenleadv1.Holding{RequestId: g.GetRequestId(), Token: g.GetToken()}})
	if err != nil {
		return fmt.Errorf("Release: %w", err)
	}
	return nil
}

// newID makes what a request is known by.
func newID() string { return rand.Text() }

// contender takes one lock again and again.
type contender struct {
	*caller
	n      int
	lock   string
	orders *orders

	held *zenleadv1.Granted
	end  context.CancelFunc
}

// Lock waits for the lock.
func (c *contender) Lock(ctx context.Context) (err error) {
	ctx, c.end = context.WithCancel(ctx) // what is left of the stream ends with the hold
	t := turnOf{contender: c.n, sent: time.Since(c.orders.began)}
	c.held, err = c.acquire(ctx, c.lock, newID(), hold, false, func() { t.waited = time.Since(c.orders.began) })
	if err != nil {
		c.end()
		return err
	}
	t.granted, t.token = time.Since(c.orders.began), c.held.GetToken()
	c.orders.add(t)
	return nil
}

// Unlock gives it up.
func (c *contender) Unlock(ctx context.Context) error {
	defer c.end()
	return c.release(ctx, c.lock, c.held)
}

// bearer presents a token with each call.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// RequireTransportSecurity keeps the token off connections that are not encrypted.
func (bearer) RequireTransportSecurity() bool { return true }
