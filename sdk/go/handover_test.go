package zenlead

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kube-zen/zen-lead/sdk/go/internal/testserver"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

func TestAHandoverThatWasMade(t *testing.T) {
	var minTerm int64
	each(t, func(t *testing.T) testserver.Answers {
		return testserver.Answers{
			Leader: func(_ context.Context, r *zenleadv1.GetLeaderRequest) (*zenleadv1.GetLeaderResponse, error) {
				minTerm = r.GetMinTerm()
				return &zenleadv1.GetLeaderResponse{State: led("web-1", 441)}, nil
			},
			Handover: func(_ context.Context, r *zenleadv1.HandoverRequest) (*zenleadv1.HandoverResponse, error) {
				if r.GetPool() != "web" || r.GetNamespace() != "here" || r.GetMove().GetTo() != "web-1" {
					t.Errorf("asked for %v", r)
				}
				return &zenleadv1.HandoverResponse{Message: "moved", Term: 441}, nil
			},
		}
	}, func(w *world) {
		if got, err := w.client.Handover(w.Context(), "web", "web-1"); err != nil || got != (Moved{Term: 441, Message: "moved"}) {
			w.Errorf("got %+v, %v", got, err)
		}
		// Who asks next does not hear of the leader before.
		if _, err := w.client.Leader(w.Context(), "web"); err != nil || minTerm != 441 {
			w.Errorf("asked for term %d, %v", minTerm, err)
		}
	})
}

func TestAHandoverIsSentOnceAndItsOutcomeNotGuessed(t *testing.T) {
	stuck := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	for name, test := range map[string]struct {
		answer func(context.Context) error
		// befalls the connection a second after the call.
		befalls func(*world)
		// deadline of the caller.
		deadline time.Duration
		want     error
		also     error
		sent     int
		// reason is that of the server, "" where the client concluded.
		reason string
	}{
		"the server refuses":                {answer: fails("Refused"), want: ErrRefused, reason: "Refused", sent: 1},
		"the server forbids":                {answer: fails("Forbidden"), want: ErrForbidden, reason: "Forbidden", sent: 1},
		"the server knows no such pool":     {answer: fails("UnknownPool"), want: ErrUnknownPool, reason: "UnknownPool", sent: 1},
		"the server ends meanwhile":         {answer: fails("Draining"), want: ErrUnknown, reason: "Draining", sent: 1},
		"the server has lost its own":       {answer: fails("Unavailable"), want: ErrUnknown, reason: "Unavailable", sent: 1},
		"the server does not know":          {answer: fails("Stale"), want: ErrUnknown, reason: "Stale", sent: 1},
		"a newer server has another reason": {answer: fails("Novel"), want: ErrUnknown, reason: "Novel", sent: 1},
		"something on the way gives up": {
			answer: func(context.Context) error { return status.Error(codes.Unavailable, "upstream") }, want: ErrUnknown, sent: 1,
		},
		"the connection is lost": {answer: stuck, befalls: func(w *world) { w.Cut() }, want: ErrUnknown, sent: 1},
		"the caller's deadline is over": {
			answer: stuck, deadline: 2 * time.Second, want: ErrUnknown, also: context.DeadlineExceeded, sent: 1,
		},
		"the client is closed": {answer: stuck, befalls: func(w *world) { _ = w.client.Close() }, want: ErrUnknown, also: errClosed, sent: 1},
	} {
		t.Run(name, func(t *testing.T) {
			sent := 0
			each(t, func(*testing.T) testserver.Answers {
				sent = 0
				return testserver.Answers{Handover: func(ctx context.Context, _ *zenleadv1.HandoverRequest) (*zenleadv1.HandoverResponse, error) {
					sent++
					return nil, test.answer(ctx)
				}}
			}, func(w *world) {
				ctx := w.Context()
				if test.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.deadline)
					defer cancel()
				}
				if test.befalls != nil {
					time.AfterFunc(time.Second, func() { test.befalls(w) })
				}
				_, err := w.client.Handover(ctx, "web", "web-1")
				if !isOnly(err, test.want) || test.also != nil && !errors.Is(err, test.also) {
					w.Errorf("got %v", err)
				}
				if answer, ok := errors.AsType[*Error](err); ok != (test.reason != "") || ok && answer.Reason != test.reason {
					w.Errorf("the server said %v", answer)
				}
				<-time.After(time.Minute)
				synctest.Wait()
				if sent != test.sent {
					w.Errorf("it was sent %d times", sent)
				}
			})
		})
	}
}

func TestAHandoverThatWasNeverSent(t *testing.T) {
	for name, test := range map[string]struct {
		ask  func(*world) (Moved, error)
		want error
	}{
		"nobody is there": {func(w *world) (Moved, error) {
			w.dial = func(context.Context, string) (net.Conn, error) { return nil, errors.New("connection refused") }
			return w.connect(WithCAFile(w.ca)).Handover(w.Context(), "web", "web-1")
		}, ErrUnavailable},
		"nobody takes the connection until the deadline": {func(w *world) (Moved, error) {
			w.dial = func(ctx context.Context, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
			ctx, cancel := context.WithTimeout(w.Context(), time.Second)
			defer cancel()
			return w.connect(WithCAFile(w.ca)).Handover(ctx, "web", "web-1")
		}, context.DeadlineExceeded},
		"there is no token": {func(w *world) (Moved, error) {
			w.write(w.token, nil)
			return w.client.Handover(w.Context(), "web", "web-1")
		}, ErrUnauthenticated},
		"it names no pod": {func(w *world) (Moved, error) {
			return w.client.Handover(w.Context(), "web", "")
		}, ErrInvalidArgument},
		"it names no pool": {func(w *world) (Moved, error) {
			return w.client.Handover(w.Context(), "", "web-1")
		}, ErrInvalidArgument},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T) testserver.Answers {
				return testserver.Answers{Handover: func(context.Context, *zenleadv1.HandoverRequest) (*zenleadv1.HandoverResponse, error) {
					t.Error("it was sent")
					return &zenleadv1.HandoverResponse{}, nil
				}}
			}, func(w *world) {
				if _, err := test.ask(w); !errors.Is(err, test.want) || errors.Is(err, ErrUnknown) {
					w.Errorf("got %v", err)
				}
			})
		})
	}
}

func fails(reason string) func(context.Context) error {
	return func(context.Context) error { return testserver.Error(reason, "so it is") }
}
