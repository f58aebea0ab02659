package api

import (
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// connect opens a connection that says nothing.
func connect(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// secured has a connection say no more than who it is.
func (r *rig) secured(t *testing.T, c net.Conn, protocol string) net.Conn {
	t.Helper()
	s := tls.Client(c, &tls.Config{RootCAs: r.roots, ServerName: "localhost", NextProtos: []string{protocol}})
	if err := s.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// While a replica ends it elects nobody. Nobody may make that long.
func TestStoppingIsBoundedWhateverConnectionsThereAre(t *testing.T) {
	var all sync.WaitGroup
	for name, open := range map[string]func(t *testing.T, r *rig){
		"that say nothing to the port of gRPC": func(t *testing.T, r *rig) { connect(t, r.grpc) },
		"that say nothing to the port of HTTP": func(t *testing.T, r *rig) { connect(t, strings.TrimPrefix(r.https, "https://")) },
		"by gRPC without a request":            func(t *testing.T, r *rig) { r.secured(t, connect(t, r.grpc), "h2") },
		"by HTTP without a request": func(t *testing.T, r *rig) {
			r.secured(t, connect(t, strings.TrimPrefix(r.https, "https://")), "http/1.1")
		},
		"by HTTP after a request": func(t *testing.T, r *rig) { r.call(t, http.MethodGet, "/v1/leader/pool/web", "") },
		"by HTTP with half a request": func(t *testing.T, r *rig) {
			c := r.secured(t, connect(t, strings.TrimPrefix(r.https, "https://")), "http/1.1")
			if _, err := c.Write([]byte("POST /v1/leader/pool/web/handover HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")); err != nil {
				t.Fatal(err)
			}
		},
		"that follow and read nothing": func(t *testing.T, r *rig) { followSlowlyByHTTP(t, r) },
	} {
		r := newRig(t)
		open(t, r)
		// The server has taken the connection, once one that came later has been answered.
		r.call(t, http.MethodGet, "/v1/leader/pool/web", "")
		if _, err := r.dial(t).GetLeader(bearing(t.Context(), "good"), &zenleadv1.GetLeaderRequest{Pool: "web"}); err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			start := time.Now()
			r.stop()
			if took := time.Since(start); took > 2*drainFor {
				t.Errorf("%s: it took %v", name, took)
			}
		})
	}
	all.Wait()
}

// Strangers may ask for the health, as load balancers do. They could hold any number of streams.
func TestHealthIsAskedForAndNotWatched(t *testing.T) {
	r := newRig(t)
	c, err := grpc.NewClient(r.grpc, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: r.roots})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	health := healthv1.NewHealthClient(c)
	for _, service := range []string{"", zenleadv1.LeaderService_ServiceDesc.ServiceName} {
		a, err := health.Check(t.Context(), &healthv1.HealthCheckRequest{Service: service})
		if err != nil || a.GetStatus() != healthv1.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v, %v", service, a, err)
		}
		s, err := health.Watch(t.Context(), &healthv1.HealthCheckRequest{Service: service})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Recv(); status.Code(err) != codes.Unimplemented {
			t.Errorf("%q is watched: %v", service, err)
		}
	}
}
