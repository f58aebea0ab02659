// Package testserver is a zen-lead for tests: it speaks both transports of the contract, and answers what the test has written.
package testserver

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// Answers are what a test has the server answer. What is nil is Unavailable.
type Answers struct {
	Leader   func(context.Context, *zenleadv1.GetLeaderRequest) (*zenleadv1.GetLeaderResponse, error)
	Pools    func(*zenleadv1.ListPoolsRequest) (*zenleadv1.ListPoolsResponse, error)
	Watch    func(context.Context, *zenleadv1.WatchLeaderRequest, Send) error
	Handover func(context.Context, *zenleadv1.HandoverRequest) (*zenleadv1.HandoverResponse, error)
	// Locks serves locks. What is nil has none.
	Locks *Locks
	// Admit judges the token of each call. What is nil admits all.
	Admit func(token string) error
}

// Send sends one event of a watch.
type Send func(*zenleadv1.WatchLeaderResponse) error

// Server is a running zen-lead.
type Server struct {
	zenleadv1.UnimplementedLeaderServiceServer

	answers      Answers
	certificates certificates
	grpc         *grpc.Server
	rest         *http.Server
	running      sync.WaitGroup

	mu          sync.Mutex
	connections []net.Conn
}

// Start serves gRPC and REST on one listener each, until Close.
func Start(answers Answers, forGRPC, forREST net.Listener) (*Server, error) {
	s := &Server{answers: answers}
	if err := s.certificates.issue(); err != nil {
		return nil, err
	}
	s.grpc = grpc.NewServer(
		grpc.Creds(credentials.NewTLS(s.certificates.config())),
		grpc.UnaryInterceptor(func(ctx context.Context, r any, _ *grpc.UnaryServerInfo, answer grpc.UnaryHandler) (any, error) {
			if err := s.admitGRPC(ctx); err != nil {
				return nil, err
			}
			return answer(ctx, r)
		}),
		grpc.StreamInterceptor(func(service any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, answer grpc.StreamHandler) error {
			if err := s.admitGRPC(stream.Context()); err != nil {
				return err
			}
			return answer(service, stream)
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 30 * time.Second}),
	)
	zenleadv1.RegisterLeaderServiceServer(s.grpc, s)
	if answers.Locks == nil {
		s.answers.Locks = &Locks{Between: func(Call) error { return Error("Unavailable", "this test has no locks") }}
	}
	zenleadv1.RegisterLockServiceServer(s.grpc, lockService{Locks: s.answers.Locks})
	s.rest = &http.Server{Handler: s.routes(), TLSConfig: s.certificates.config(), ReadHeaderTimeout: time.Minute}
	s.running.Go(func() { _ = s.grpc.Serve(tracked{forGRPC, s}) })
	s.running.Go(func() { _ = s.rest.ServeTLS(tracked{forREST, s}, "", "") })
	return s, nil
}

// Close ends the server and all its connections.
func (s *Server) Close() {
	s.grpc.Stop()
	_ = s.rest.Close()
	s.running.Wait()
}

// CA is the PEM of the authority that vouches for the server.
func (s *Server) CA() []byte { return s.certificates.authority() }

// Rotate replaces the authority and the certificate, and cuts all connections.
func (s *Server) Rotate() error {
	if err := s.certificates.issue(); err != nil {
		return err
	}
	s.Cut()
	return nil
}

// Cut cuts all connections, without a word to whoever waits for an answer.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.connections {
		_ = c.Close()
	}
	s.connections = nil
}

// tracked is a listener whose connections Cut cuts.
type tracked struct {
	net.Listener
	server *Server
}

func (l tracked) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.server.mu.Lock()
	defer l.server.mu.Unlock()
	l.server.connections = append(l.server.connections, c)
	return c, nil
}

// GetLeader answers as the test says.
func (s *Server) GetLeader(ctx context.Context, r *zenleadv1.GetLeaderRequest) (*zenleadv1.GetLeaderResponse, error) {
	if s.answers.Leader == nil {
		return nil, Error("Unavailable", "this test answers no GetLeader")
	}
	return s.answers.Leader(ctx, r)
}

// ListPools answers as the test says.
func (s *Server) ListPools(_ context.Context, r *zenleadv1.ListPoolsRequest) (*zenleadv1.ListPoolsResponse, error) {
	if s.answers.Pools == nil {
		return nil, Error("Unavailable", "this test answers no ListPools")
	}
	return s.answers.Pools(r)
}

// WatchLeader answers as the test says.
func (s *Server) WatchLeader(r *zenleadv1.WatchLeaderRequest, stream grpc.ServerStreamingServer[zenleadv1.WatchLeaderResponse]) error {
	return s.watch(stream.Context(), r, stream.Send)
}

func (s *Server) watch(ctx context.Context, r *zenleadv1.WatchLeaderRequest, send Send) error {
	if s.answers.Watch == nil {
		return Error("Unavailable", "this test answers no WatchLeader")
	}
	return s.answers.Watch(ctx, r, send)
}

// Handover answers as the test says.
func (s *Server) Handover(ctx context.Context, r *zenleadv1.HandoverRequest) (*zenleadv1.HandoverResponse, error) {
	if s.answers.Handover == nil {
		return nil, Error("Unavailable", "this test answers no Handover")
	}
	return s.answers.Handover(ctx, r)
}

func (s *Server) admitGRPC(ctx context.Context) error {
	md, _ := metadata.FromIncomingContext(ctx)
	return s.admit(strings.Join(md.Get("authorization"), ""))
}

func (s *Server) admit(authorization string) error {
	if s.answers.Admit == nil {
		return nil
	}
	return s.answers.Admit(strings.TrimPrefix(authorization, "Bearer "))
}
