package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/rs/cors"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	gateway "github.com/kube-zen/zen-lead/controller/internal/api/gateway/zenlead/v1"
)

// answerWithin is how long the caller may take to read an answer.
const answerWithin = 30 * time.Second

// longestBody is how long the body of a request may be, in bytes.
const longestBody = 64 << 10

// strict has all gateways of the process read queries strictly: there is one parser for all.
var strict = sync.OnceFunc(func() { runtime.NewServeMux(runtime.SetQueryParameterParser(&query{})) })

// handler serves the API by HTTP: the gateway calls the methods in this process.
func (s *service) handler(ctx context.Context, openAPI []byte) (http.Handler, error) {
	strict()
	mux := runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, bodies{}),
		runtime.WithErrorHandler(answerError),
		runtime.WithRoutingErrorHandler(answerRouting),
		runtime.WithForwardResponseOption(describe),
		runtime.WithIncomingHeaderMatcher(func(string) (string, bool) { return "", false }), // Authorization is passed on all the same
		runtime.WithDisablePathLengthFallback(),
		runtime.WithDisableHTTPMethodOverride(),
		runtime.WithWriteContentLength(),
	)
	if err := errors.Join(gateway.RegisterLeaderServiceHandlerServer(ctx, mux, s), gateway.RegisterLockServiceHandlerServer(ctx, mux, s.locks)); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	// The gateway cannot stream in one process, nor share what it writes.
	err := errors.Join(
		mux.HandlePath(http.MethodGet, "/v1/leader/pool/{pool}", func(w http.ResponseWriter, r *http.Request, path map[string]string) {
			s.serveLeader(w, r, path["pool"])
		}),
		mux.HandlePath(http.MethodGet, "/v1/leader/pool/{pool}/watch", s.serveEvents),
		s.locks.handle(mux),
		mux.HandlePath(http.MethodGet, "/openapi.json", func(w http.ResponseWriter, _ *http.Request, _ map[string]string) {
			w.Header()["Content-Type"] = contentType
			_, _ = w.Write(openAPI) // who asked may be gone
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	limited := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost { // a handover takes as long as it takes
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerWithin)) // every writer of net/http has one
		}
		if pool, ok := askedForLeader(r); ok {
			s.serveLeader(w, r, pool)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, longestBody)
		mux.ServeHTTP(w, r)
	})
	// A page of any origin may ask, and must bring a token by itself, as browsers hold none for this. With --api-anonymous it needs none: who
	// leads is no secret then.
	return cors.New(cors.Options{
		AllowedOrigins: []string{"*"}, AllowedMethods: []string{http.MethodGet, http.MethodPost},
		AllowedHeaders: []string{"Authorization", "Content-Type", "If-None-Match", "Last-Event-ID"},
		ExposedHeaders: []string{"ETag", "Warning"}, MaxAge: 3600,
	}).Handler(limited), nil
}

// describe adds the headers that say how current an answer is.
func describe(_ context.Context, w http.ResponseWriter, m proto.Message) error {
	h := w.Header()
	h["Cache-Control"] = cacheControl
	if m, ok := m.(interface{ GetStale() bool }); ok && m.GetStale() {
		h["Warning"] = warning
	}
	return nil
}

// answerError answers a request that failed.
func answerError(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	f := failureOf(err)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	switch f.reason {
	case reasonUnauthenticated:
		h.Set("WWW-Authenticate", `Bearer realm="zen-lead"`)
	case reasonTooMany:
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(statusOf(f))
	if r.Method != http.MethodHead {
		_ = json.NewEncoder(w).Encode(bodyOfError(f)) // who asked may be gone
	}
}

// statusOf is the status of an answer that is no success. A move that was refused conflicts with how things are.
func statusOf(f *failure) int {
	switch f.reason {
	case reasonRefused, reasonHeld, reasonLost, reasonFinished:
		return http.StatusConflict
	case reasonMethod:
		return http.StatusMethodNotAllowed
	}
	return runtime.HTTPStatusFromCode(f.code)
}

// answerRouting answers a request for what there is not.
func answerRouting(ctx context.Context, mux *runtime.ServeMux, m runtime.Marshaler, w http.ResponseWriter, r *http.Request, code int) {
	f := fail(codes.NotFound, reasonNotFound, "there is nothing at %s; GET /openapi.json tells what there is", quoted(r.URL.Path))
	switch code {
	case http.StatusMethodNotAllowed:
		f = fail(codes.Unimplemented, reasonMethod, "%s is not answered there", quoted(r.Method))
	case http.StatusBadRequest:
		f = fail(codes.InvalidArgument, reasonInvalidArgument, "the path is malformed")
	}
	answerError(ctx, mux, m, w, r, f)
}
