package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

const (
	// drainFor is how long requests that are under way may take to end. A handover that takes longer is unknown to who asked.
	drainFor = 2 * time.Second
	// longestRequest is how long a request by gRPC may be, in bytes: a thousand renewals of the longest names. window is how much of one is on
	// its way at once.
	longestRequest = 320 << 10
	window         = 64 << 10
	// longestHeader is how long the headers of a request may be, in bytes. Tokens are a few KiB.
	longestHeader = 32 << 10
	// streamsPerConnection bounds what one connection can hold.
	streamsPerConnection = 1000
)

// Certificate returns the certificate to be shown, anew for each connection.
type Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// server serves the API on two listeners, by gRPC and by HTTP.
type server struct {
	byGRPC *grpc.Server
	health *health.Server
	byHTTP *http.Server
	// end has the streams end.
	end func()
}

// newServer serves a service.
func newServer(ctx context.Context, s *service, certificate Certificate, openAPI []byte) (*server, error) {
	handler, err := s.handler(ctx, openAPI)
	if err != nil {
		return nil, err
	}
	secure := &tls.Config{GetCertificate: certificate, MinVersion: tls.VersionTLS12}
	v := &server{health: health.NewServer(), end: s.end}
	v.byGRPC = grpc.NewServer(
		grpc.Creds(credentials.NewTLS(secure.Clone())),
		grpc.ForceServerCodecV2(codec{encoding.GetCodecV2(proto.Name)}),
		grpc.MaxRecvMsgSize(longestRequest),
		grpc.MaxHeaderListSize(longestHeader),
		grpc.MaxConcurrentStreams(streamsPerConnection),
		grpc.ConnectionTimeout(10*time.Second),
		grpc.StaticStreamWindowSize(window), // requests are short: no pings to find out how much a connection holds
		grpc.StaticConnWindowSize(16*window),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 10 * time.Second, MaxConnectionIdle: 5 * time.Minute}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	)
	zenleadv1.RegisterLeaderServiceServer(v.byGRPC, s)
	zenleadv1.RegisterLockServiceServer(v.byGRPC, s.locks)
	healthv1.RegisterHealthServer(v.byGRPC, asked{v.health})
	reflection.Register(v.byGRPC)
	v.health.SetServingStatus(zenleadv1.LeaderService_ServiceDesc.ServiceName, healthv1.HealthCheckResponse_SERVING)
	v.health.SetServingStatus(zenleadv1.LockService_ServiceDesc.ServiceName, healthv1.HealthCheckResponse_SERVING)
	secure.NextProtos = []string{"h2", "http/1.1"}
	v.byHTTP = &http.Server{
		Handler: handler, TLSConfig: secure,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: longestHeader,
		ErrorLog: log.New(&complaints{logr.FromContextOrDiscard(ctx).WithName("api")}, "", 0),
	}
	return v, nil
}

// asked is health that can be asked for, and not watched: strangers may ask, and could hold any number of streams.
type asked struct{ *health.Server }

// Watch tells whoever would watch not to.
func (asked) Watch(*healthv1.HealthCheckRequest, grpc.ServerStreamingServer[healthv1.HealthCheckResponse]) error {
	return status.Error(codes.Unimplemented, "ask by Check")
}

// complaints are what net/http says of requests. Strangers' handshakes would fill the log; a panic is ours.
type complaints struct{ logger logr.Logger }

func (c *complaints) Write(line []byte) (int, error) {
	if said := strings.TrimSpace(string(line)); strings.Contains(said, "panic serving") {
		c.logger.Error(errors.New(said), "A request was not answered")
	} else {
		c.logger.V(1).Info("A request was not answered", "why", said)
	}
	return len(line), nil
}

// run serves on both listeners until ctx ends; then it lets go of all callers, in good order.
func (v *server) run(ctx context.Context, byGRPC, byHTTP net.Listener) error {
	failed := make(chan error, 2)
	go func() { failed <- v.byGRPC.Serve(byGRPC) }()
	go func() { failed <- v.byHTTP.ServeTLS(byHTTP, "", "") }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	v.drain(ctx)
	if err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve the API: %w", err)
	}
	return nil
}

// drain ends streams with a reason, lets requests end that are under way, and closes what is left. It takes no longer than drainFor, whatever
// connections there are: nothing is elected here meanwhile.
func (v *server) drain(ctx context.Context) {
	v.health.Shutdown()
	v.end()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainFor)
	defer cancel()
	var both sync.WaitGroup
	both.Go(func() {
		if v.byHTTP.Shutdown(ctx) != nil {
			_ = v.byHTTP.Close() // who is not done by now is cut off
		}
	})
	both.Go(func() {
		stopped := make(chan struct{})
		go func() {
			v.byGRPC.GracefulStop()
			close(stopped)
		}()
		select {
		case <-stopped:
		case <-ctx.Done():
			go v.byGRPC.Stop() // it would wait for handshakes
		}
	})
	both.Wait()
}
