package zenlead

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kube-zen/zen-lead/sdk/go/internal/testserver"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

var sentinels = []error{
	ErrUnknownPool, ErrForbidden, ErrUnauthenticated, ErrInvalidArgument, ErrTooManyRequests, ErrUnavailable, ErrStale, ErrRefused, ErrUnknown,
	ErrUnknownLock, ErrHeld, ErrLost, ErrReleased,
}

// isOnly is whether an error is one sentinel, and no other.
func isOnly(err, want error) bool {
	is := 0
	for _, s := range sentinels {
		if errors.Is(err, s) {
			is++
		}
	}
	return is == 1 && errors.Is(err, want)
}

func TestAnErrorIsWhatWasSaidOrConcluded(t *testing.T) {
	for name, test := range map[string]struct {
		sent error
		want error
		// reason is that of the server, "" where the client concluded.
		reason string
	}{
		"the server knows no such pool":                      {testserver.Error("UnknownPool", "no policy web"), ErrUnknownPool, "UnknownPool"},
		"the server forbids":                                 {testserver.Error("Forbidden", "needs get"), ErrForbidden, "Forbidden"},
		"the server does not know the caller":                {testserver.Error("Unauthenticated", "expired"), ErrUnauthenticated, "Unauthenticated"},
		"the server finds the question wrong":                {testserver.Error("InvalidArgument", "minTerm"), ErrInvalidArgument, "InvalidArgument"},
		"the server is asked too often":                      {testserver.Error("TooManyRequests", "slow down"), ErrTooManyRequests, "TooManyRequests"},
		"the server knows less than the client":              {testserver.Error("Stale", "only 430"), ErrStale, "Stale"},
		"the server ends":                                    {testserver.Error("Draining", "ending"), ErrUnavailable, "Draining"},
		"the server cannot answer":                           {testserver.Error("Unavailable", "no API server"), ErrUnavailable, "Unavailable"},
		"the client reads too slowly":                        {testserver.Error("SlowReader", "too slow"), ErrUnavailable, "SlowReader"},
		"the server refuses":                                 {testserver.Error("Refused", "paused"), ErrRefused, "Refused"},
		"a newer server has a reason that nobody knows here": {testserver.Error("Novel", "?"), ErrUnavailable, "Novel"},
		"something on the way asks for another token":        {status.Error(codes.Unauthenticated, "login"), ErrUnauthenticated, ""},
		"something on the way forbids":                       {status.Error(codes.PermissionDenied, "no"), ErrForbidden, ""},
		"something on the way finds the question wrong":      {status.Error(codes.InvalidArgument, "no"), ErrInvalidArgument, ""},
		"something on the way limits":                        {status.Error(codes.ResourceExhausted, "no"), ErrTooManyRequests, ""},
		"something on the way knows no such page":            {status.Error(codes.NotFound, "404 page not found"), ErrUnavailable, ""},
		"something on the way has reasons of its own":        {testserver.ErrorOf("gateway.test", "UnknownPool", "none of mine"), ErrUnavailable, ""},
		"something on the way has no server":                 {status.Error(codes.Unavailable, "bad gateway"), ErrUnavailable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, always(testserver.Answers{
				Leader: func(context.Context, *zenleadv1.GetLeaderRequest) (*zenleadv1.GetLeaderResponse, error) {
					return nil, test.sent
				},
			}), func(w *world) {
				_, err := w.client.Leader(w.Context(), "web")
				if !isOnly(err, test.want) {
					w.Errorf("got %v", err)
				}
				said, ok := errors.AsType[*Error](err)
				if ok != (test.reason != "") {
					w.Fatalf("the server said so: %v", ok)
				}
				if ok && (said.Reason != test.reason || said.Message != status.Convert(test.sent).Message()) {
					w.Errorf("got %+v", said)
				}
				if ok && !strings.Contains(err.Error(), "here/web") {
					w.Errorf("the error does not say what was asked: %v", err)
				}
			})
		})
	}
}

func TestWhatTheClientConcludes(t *testing.T) {
	stuck := func(ctx context.Context, _ *zenleadv1.GetLeaderRequest) (*zenleadv1.GetLeaderResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	because := errors.New("the program ends")
	for name, test := range map[string]struct {
		ask  func(*world) (State, error)
		want error
	}{
		"the caller's deadline is over": {func(w *world) (State, error) {
			ctx, cancel := context.WithTimeout(w.Context(), time.Second)
			defer cancel()
			return w.client.Leader(ctx, "web")
		}, context.DeadlineExceeded},
		"the caller has ended it, for a reason": {func(w *world) (State, error) {
			ctx, cancel := context.WithCancelCause(w.Context())
			time.AfterFunc(time.Second, func() { cancel(because) })
			return w.client.Leader(ctx, "web")
		}, because},
		"the client is closed": {func(w *world) (State, error) {
			time.AfterFunc(time.Second, func() { _ = w.client.Close() })
			return w.client.Leader(w.Context(), "web")
		}, errClosed},
		"nobody is there": {func(w *world) (State, error) {
			w.dial = func(context.Context, string) (net.Conn, error) { return nil, errors.New("connection refused") }
			return w.connect(WithCAFile(w.ca)).Leader(w.Context(), "web")
		}, ErrUnavailable},
		"the connection is lost": {func(w *world) (State, error) {
			for i := range 10 {
				time.AfterFunc(time.Duration(i)*time.Second, w.Cut)
			}
			return w.client.Leader(w.Context(), "web")
		}, ErrUnavailable},
		"the authority does not vouch for the server": {func(w *world) (State, error) {
			if err := w.Rotate(); err != nil {
				w.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
			defer cancel()
			return w.client.Leader(ctx, "web")
		}, ErrUnavailable},
		"the name could be a path": {func(w *world) (State, error) {
			return w.client.Leader(w.Context(), "../pools")
		}, ErrInvalidArgument},
		"the token file is empty": {func(w *world) (State, error) {
			w.write(w.token, []byte("\n"))
			return w.client.Leader(w.Context(), "web")
		}, ErrUnauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, always(testserver.Answers{Leader: stuck}), func(w *world) {
				_, err := test.ask(w)
				if !errors.Is(err, test.want) {
					w.Errorf("got %v", err)
				}
				if said, ok := errors.AsType[*Error](err); ok {
					w.Errorf("it seems that the server said %v", said)
				}
			})
		})
	}
}

func TestAReadThatFindsNobodyIsTriedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		fails, asked int
		with         error
		want         error
	}{
		"a replica ends, the next one answers": {fails: 3, with: testserver.Error("Draining", "ending"), asked: 4},
		"four times and no more":               {fails: 9, with: testserver.Error("Draining", "ending"), asked: 4, want: ErrUnavailable},
		"an answer is not asked for again":     {fails: 9, with: testserver.Error("Forbidden", "no"), asked: 1, want: ErrForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			fail := func() error {
				if asked++; asked <= test.fails {
					return test.with
				}
				return nil
			}
			each(t, func(*testing.T) testserver.Answers {
				asked = 0
				return testserver.Answers{
					Leader: func(context.Context, *zenleadv1.GetLeaderRequest) (*zenleadv1.GetLeaderResponse, error) {
						return &zenleadv1.GetLeaderResponse{State: led("web-0", 440)}, fail()
					},
					Pools: func(*zenleadv1.ListPoolsRequest) (*zenleadv1.ListPoolsResponse, error) {
						return &zenleadv1.ListPoolsResponse{}, fail()
					},
				}
			}, func(w *world) {
				began := time.Now()
				if _, err := w.client.Leader(w.Context(), "web"); !errors.Is(err, test.want) || asked != test.asked {
					w.Errorf("Leader: asked %d times, got %v", asked, err)
				}
				asked = 0
				var got error
				for _, err := range w.client.Pools(w.Context()) {
					got = err
				}
				if !errors.Is(got, test.want) || asked != test.asked {
					w.Errorf("Pools: asked %d times, got %v", asked, got)
				}
				if took := time.Since(began); took > 2*time.Second {
					w.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestATryAgainWaitsNoLongerThanTheCaller(t *testing.T) {
	each(t, always(testserver.Answers{}), func(w *world) {
		ctx, cancel := context.WithTimeout(w.Context(), 40*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := w.client.Leader(ctx, "web")
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != 40*time.Millisecond {
			w.Errorf("got %v after %v", err, took)
		}
	})
}

func TestAServerThatNoticesTheDeadlineFirst(t *testing.T) {
	err := errorOfStatus(t.Context(), status.Error(codes.DeadlineExceeded, "too late"))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := settle(err, true); !isOnly(err, ErrUnknown) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("for a write: %v", err)
	}
}
