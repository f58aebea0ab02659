package load

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// GRPC is a caller that asks by gRPC, on one connection. Its methods are safe for concurrent use.
type GRPC struct {
	connection      *grpc.ClientConn
	service         zenleadv1.LeaderServiceClient
	namespace, pool string
}

// NewGRPC makes a caller with a token that asks about one pool. It does not connect yet.
func NewGRPC(address string, ca *x509.CertPool, token, namespace, pool string) (*GRPC, error) {
	connection, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: ca})),
		grpc.WithPerRPCCredentials(bearer(token)),
	)
	if err != nil {
		return nil, fmt.Errorf("caller of %s: %w", address, err)
	}
	return &GRPC{connection: connection, service: zenleadv1.NewLeaderServiceClient(connection), namespace: namespace, pool: pool}, nil
}

// Naming returns an Ask that is right if the answer names a leader.
func (g *GRPC) Naming(leader string) Ask {
	return func(ctx context.Context) error {
		answer, err := g.service.GetLeader(ctx, &zenleadv1.GetLeaderRequest{Pool: g.pool, Namespace: g.namespace})
		if err != nil {
			return fmt.Errorf("GetLeader: %w", err)
		}
		if got := answer.GetState().GetLeader().GetName(); got != leader {
			return fmt.Errorf("GetLeader: %q leads, not %q", got, leader)
		}
		return nil
	}
}

// Watch opens a stream, hands over the first state, and then, until ctx ends, each state with the moment at which it came. It
// returns once the first has come; done is told how the stream ended.
func (g *GRPC) Watch(ctx context.Context, told func(*zenleadv1.LeaderState, time.Time), done func(error)) error {
	stream, err := g.service.WatchLeader(ctx, &zenleadv1.WatchLeaderRequest{Pool: g.pool, Namespace: g.namespace})
	if err != nil {
		return fmt.Errorf("WatchLeader: %w", err)
	}
	first, err := stream.Recv()
	if err != nil {
		return fmt.Errorf("WatchLeader: %w", err)
	}
	told(first.GetState(), time.Now())
	go func() {
		for {
			answer, err := stream.Recv()
			if err != nil {
				done(err)
				return
			}
			if s := answer.GetState(); s != nil {
				told(s, time.Now())
			}
		}
	}()
	return nil
}

// Close closes the connection, and what goes over it.
func (g *GRPC) Close() error { return g.connection.Close() }

// bearer presents a token with each call.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// RequireTransportSecurity keeps the token off connections that are not encrypted.
func (bearer) RequireTransportSecurity() bool { return true }
