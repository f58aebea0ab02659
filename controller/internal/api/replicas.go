package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// homeHeader names, in a request that a replica passes on, whom it is meant for. Who has another name by now refuses it, so that the lock's
// keeping falls to who passed it on; and nobody passes it on again.
const homeHeader = "zen-lead-home"

// passWithin is how long it may take to reach another replica; then who asks is served here.
const passWithin = time.Second

// streamsOfOne is how many waits one connection to another replica carries: fewer than a server lets it, or what is asked on it would queue
// behind them.
const streamsOfOne = streamsPerConnection * 9 / 10

// replicas are the connections to the other replicas, by address.
type replicas struct {
	certificate Certificate
	authority   func() *x509.CertPool

	mu sync.Mutex
	// calls are for what is answered at once, waits for what takes as long as it takes.
	calls map[string]*grpc.ClientConn
	waits map[string][]*waitRoom
}

// waitRoom is a connection, and how many wait on it.
type waitRoom struct {
	*grpc.ClientConn
	waiting int
}

func newReplicas(c Certificate, authority func() *x509.CertPool) *replicas {
	return &replicas{certificate: c, authority: authority, calls: map[string]*grpc.ClientConn{}, waits: map[string][]*waitRoom{}}
}

func (r *replicas) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		_ = c.Close()
	}
	for _, rooms := range r.waits {
		for _, c := range rooms {
			_ = c.Close()
		}
	}
	clear(r.calls)
	clear(r.waits)
}

// at returns what asks the replica at an address.
func (r *replicas) at(address string) (zenleadv1.LockServiceClient, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.calls[address]
	if !ok {
		var err error
		if c, err = r.connect(address); err != nil {
			return nil, err
		}
		r.calls[address] = c
	}
	return zenleadv1.NewLockServiceClient(c), nil
}

// waitAt returns what asks the replica at an address for a lock, until left is called.
func (r *replicas) waitAt(address string) (client zenleadv1.LockServiceClient, left func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var room *waitRoom
	for _, w := range r.waits[address] {
		if w.waiting < streamsOfOne {
			room = w
			break
		}
	}
	if room == nil {
		c, err := r.connect(address)
		if err != nil {
			return nil, nil, err
		}
		room = &waitRoom{ClientConn: c}
		r.waits[address] = append(r.waits[address], room)
	}
	room.waiting++
	return zenleadv1.NewLockServiceClient(room), func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		room.waiting--
	}, nil
}

func (r *replicas) connect(address string) (*grpc.ClientConn, error) {
	c, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
			InsecureSkipVerify: true, //nolint:gosec // VerifyConnection does it: replicas are reached by addresses, which no certificate has
			VerifyConnection:   r.verify,
			MinVersion:         tls.VersionTLS12,
		})),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 2, Jitter: 0.5, MaxDelay: 5 * time.Second}, MinConnectTimeout: passWithin,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 3 * time.Second}),
		grpc.WithIdleTimeout(5*time.Minute),
		grpc.WithDisableServiceConfig(),
	)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return c, nil
}

// verify makes sure that who answers is a replica: it has the certificate that this one has, or one for the same name, of the same
// authority. Callers' tokens are passed on to it.
func (r *replicas) verify(state tls.ConnectionState) error {
	own, err := r.certificate(nil)
	if err != nil {
		return err
	}
	leaf := own.Leaf
	if leaf == nil {
		if leaf, err = x509.ParseCertificate(own.Certificate[0]); err != nil {
			return fmt.Errorf("own certificate: %w", err)
		}
	}
	theirs := state.PeerCertificates[0]
	if theirs.Equal(leaf) {
		return nil
	}
	if len(leaf.DNSNames) == 0 {
		return errors.New("the certificate is another than that of this replica, which has no name to compare")
	}
	chain := x509.VerifyOptions{DNSName: leaf.DNSNames[0], Intermediates: x509.NewCertPool()}
	if r.authority != nil {
		chain.Roots = r.authority()
	}
	for _, c := range state.PeerCertificates[1:] {
		chain.Intermediates.AddCert(c)
	}
	if _, err := theirs.Verify(chain); err != nil {
		return fmt.Errorf("who answers is no replica of zen-lead: %w", err)
	}
	return nil
}

// passing is the context of a request that is passed on.
func passing(ctx context.Context, header, home string) context.Context {
	return metadata.NewOutgoingContext(ctx, metadata.Pairs("authorization", header, homeHeader, home))
}

// meantFor is the replica that a request which was passed on is meant for; ok is false where it was not.
func meantFor(ctx context.Context) (home string, ok bool) {
	values := metadata.ValueFromIncomingContext(ctx, homeHeader)
	if len(values) == 0 {
		return "", false
	}
	return values[0], true
}

func passedOn(ctx context.Context) bool {
	_, ok := meantFor(ctx)
	return ok
}
