package locker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// connect returns what asks each replica.
func connect(o Options) ([]zenleadv1.LockServiceClient, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(o.Authority) {
		return nil, errors.New("the authority holds no certificate")
	}
	var all []zenleadv1.LockServiceClient
	for _, address := range o.Replicas {
		c, err := grpc.NewClient("passthrough:///"+address,
			grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})),
			grpc.WithConnectParams(grpc.ConnectParams{
				Backoff: backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second}, MinConnectTimeout: time.Second,
			}),
			grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 3 * time.Second}),
		)
		if err != nil {
			return nil, fmt.Errorf("connect to %s: %w", address, err)
		}
		all = append(all, zenleadv1.NewLockServiceClient(c))
	}
	return all, nil
}

func bearing(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// outcome is OK, a reason that a replica gave, or Unheard.
func outcome(err error) string {
	if err == nil {
		return OK
	}
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetDomain() == "zenlead.v1" {
			return info.GetReason()
		}
	}
	if c := status.Code(err); c == codes.InvalidArgument || c == codes.Unimplemented {
		return err.Error()
	}
	return Unheard
}

// open says whether who asked must ask again: the request may or may not have done what it should.
func open(outcome string) bool {
	switch outcome {
	case Unheard, "Unknown", "Unavailable", "Draining", "TooManyRequests", "Internal":
		return true
	}
	return false
}
