// Package caller asks the API of a controller, as callers without access to the Kubernetes API do: by HTTP and by gRPC, with a
// token.
package caller

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

// Caller asks one replica. It is to be closed.
type Caller struct {
	zenleadv1.LeaderServiceClient
	zenleadv1.LockServiceClient
	token string
	https string
	http  *http.Client
	grpc  *grpc.ClientConn
}

// New returns a caller that presents a token, "" for none.
func New(at zenlead.API, token string) (*Caller, error) {
	authority, err := os.ReadFile(at.CA)
	if err != nil {
		return nil, fmt.Errorf("authority of the API: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s holds no certificate", at.CA)
	}
	trust := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	c := &Caller{token: token, https: "https://" + at.HTTPS, http: &http.Client{Transport: &http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true}}}
	c.grpc, err = grpc.NewClient(at.GRPC, grpc.WithTransportCredentials(credentials.NewTLS(trust.Clone())))
	if err != nil {
		return nil, fmt.Errorf("client of the API: %w", err)
	}
	c.LeaderServiceClient, c.LockServiceClient = zenleadv1.NewLeaderServiceClient(c.grpc), zenleadv1.NewLockServiceClient(c.grpc)
	return c, nil
}

// Close closes the connections.
func (c *Caller) Close() error {
	c.http.CloseIdleConnections()
	return c.grpc.Close()
}

// Bearing returns a context with which a request by gRPC presents the token.
func (c *Caller) Bearing(ctx context.Context) context.Context {
	if c.token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.token)
}

// Answer is one by HTTP.
type Answer struct {
	Status int
	Header http.Header
	Body   string
	// Reason and Message are those of an answer that is no success.
	Reason, Message string
}

// Call sends a request by HTTP; headers are name and value in turn.
func (c *Caller) Call(ctx context.Context, method, path, body string, headers ...string) (Answer, error) {
	r, err := c.send(ctx, method, path, body, headers...)
	if err != nil {
		return Answer{}, err
	}
	b, err := io.ReadAll(r.Body)
	a := Answer{Status: r.StatusCode, Header: r.Header, Body: string(b)}
	if err = errors.Join(err, r.Body.Close()); err != nil {
		return a, err
	}
	if a.Status >= http.StatusBadRequest {
		var failure struct {
			Error struct{ Reason, Message string }
		}
		err = json.Unmarshal(b, &failure)
		a.Reason, a.Message = failure.Error.Reason, failure.Error.Message
	}
	return a, err
}

func (c *Caller) send(ctx context.Context, method, path, body string, headers ...string) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, method, c.https+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if c.token != "" {
		q.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	return c.http.Do(q)
}

// Outcome is how a request by gRPC ended: "OK", or the reason that programs rely on.
func Outcome(err error) string {
	if err == nil {
		return codes.OK.String()
	}
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetDomain() == "zenlead.v1" {
			return info.GetReason()
		}
	}
	return err.Error()
}
