package zenlead

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// serviceConfig spreads calls over the replicas, and tries again what only reads. A stream is opened anew by follower, which knows
// where to resume; a handover is never repeated.
const serviceConfig = `{
	"loadBalancingConfig": [{"round_robin": {}}],
	"methodConfig": [{
		"name": [
			{"service": "zenlead.v1.LeaderService", "method": "GetLeader"},
			{"service": "zenlead.v1.LeaderService", "method": "ListPools"}
		],
		"retryPolicy": {
			"maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2,
			"retryableStatusCodes": ["UNAVAILABLE"]
		}
	}]
}`

// errorDomain marks the errors that are zen-lead's own.
const errorDomain = "zenlead.v1"

type grpcTransport struct {
	connection *grpc.ClientConn
	service    zenleadv1.LeaderServiceClient
	locks      zenleadv1.LockServiceClient
}

func connectGRPC(target string, o options) (transport, error) {
	with := []grpc.DialOption{
		grpc.WithTransportCredentials(trusting{TransportCredentials: credentials.NewTLS(nil), ca: o.ca}),
		grpc.WithDefaultServiceConfig(serviceConfig),
		// Servers refuse who pings more often. A peer that is gone without a word is noticed by it; streams notice it by silence.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		// The default waits a second after the first failure, and up to two minutes.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: firstDelay, Multiplier: 2, Jitter: 0.5, MaxDelay: longestDelay},
			MinConnectTimeout: 5 * time.Second,
		}),
	}
	if o.token != (tokenSource{}) {
		with = append(with, grpc.WithPerRPCCredentials(bearer{o.token}))
	}
	if o.dial != nil {
		with = append(with, grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) { return o.dial(ctx, address) }))
	}
	connection, err := grpc.NewClient(target, with...)
	if err != nil {
		return nil, fmt.Errorf("%w: the target %q: %w", ErrInvalidArgument, target, err)
	}
	return &grpcTransport{
		connection: connection,
		service:    zenleadv1.NewLeaderServiceClient(connection), locks: zenleadv1.NewLockServiceClient(connection),
	}, nil
}

func (t *grpcTransport) close() error { return t.connection.Close() }

func (t *grpcTransport) getLeader(ctx context.Context, r *zenleadv1.GetLeaderRequest) (*zenleadv1.GetLeaderResponse, error) {
	response, err := t.service.GetLeader(ctx, r)
	return response, errorOfStatus(ctx, err)
}

func (t *grpcTransport) listPools(ctx context.Context, r *zenleadv1.ListPoolsRequest) (*zenleadv1.ListPoolsResponse, error) {
	response, err := t.service.ListPools(ctx, r)
	return response, errorOfStatus(ctx, err)
}

func (t *grpcTransport) handover(ctx context.Context, r *zenleadv1.HandoverRequest) (*zenleadv1.HandoverResponse, error) {
	// A call has a peer once it has a stream on a connection, which is when it may have been sent.
	var to peer.Peer
	response, err := t.service.Handover(ctx, r, grpc.Peer(&to))
	if err != nil {
		return nil, settle(errorOfStatus(ctx, err), to.Addr != nil)
	}
	return response, nil
}

func (t *grpcTransport) watchLeader(ctx context.Context, r *zenleadv1.WatchLeaderRequest) (stream, error) {
	s, err := t.service.WatchLeader(ctx, r)
	if err != nil {
		return nil, errorOfStatus(ctx, err)
	}
	return grpcStream{ctx: ctx, calls: s}, nil
}

type grpcStream struct {
	// ctx is the caller's. That of the stream itself ends with the stream, whoever ended it.
	ctx   context.Context
	calls grpc.ServerStreamingClient[zenleadv1.WatchLeaderResponse]
}

func (s grpcStream) recv() (*zenleadv1.WatchLeaderResponse, error) {
	response, err := s.calls.Recv()
	return response, errorOfStatus(s.ctx, err)
}

// errorOfStatus tells what zen-lead said from what gRPC, or something on the way, concluded.
func errorOfStatus(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return concluded(ctx, ErrUnavailable, "the stream ended")
	}
	s := status.Convert(err)
	if inner, ok := errors.AsType[interface {
		error
		GRPCStatus() *status.Status
	}](err); ok {
		s = inner.GRPCStatus() // without what gRPC says of how often it tried
	}
	kind := kindOfCode(s.Code())
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == errorDomain {
			return said(info.GetReason(), s.Message(), kind)
		}
	}
	return concluded(ctx, kind, s.Message())
}

// kindOfCode is what a status without a reason means. Nothing but zen-lead can say that there is no such pool.
func kindOfCode(code codes.Code) error {
	switch code {
	case codes.InvalidArgument:
		return ErrInvalidArgument
	case codes.Unauthenticated:
		return ErrUnauthenticated
	case codes.PermissionDenied:
		return ErrForbidden
	case codes.ResourceExhausted:
		return ErrTooManyRequests
	case codes.DeadlineExceeded:
		return context.DeadlineExceeded // a server may notice the caller's deadline before the caller does
	default:
		return ErrUnavailable
	}
}

// bearer presents the token of the moment with each call.
type bearer struct{ token tokenSource }

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	token, err := b.token.read()
	if err != nil {
		return nil, err
	}
	return map[string]string{"authorization": "Bearer " + token}, nil
}

// RequireTransportSecurity keeps the token off connections that are not encrypted.
func (bearer) RequireTransportSecurity() bool { return true }

// trusting is TLS that trusts what the file of the authority holds when a connection is made.
type trusting struct {
	credentials.TransportCredentials
	ca authority
}

func (t trusting) ClientHandshake(ctx context.Context, host string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	pem, err := t.ca.read()
	if err != nil {
		return nil, nil, err
	}
	config, err := t.ca.config(pem)
	if err != nil {
		return nil, nil, err
	}
	return credentials.NewTLS(config).ClientHandshake(ctx, host, raw)
}

func (t trusting) Clone() credentials.TransportCredentials {
	return trusting{TransportCredentials: t.TransportCredentials.Clone(), ca: t.ca}
}
