package api

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/controller/internal/handover"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// asGood is the context of a request by gRPC with token "good".
func asGood(ctx context.Context) context.Context {
	return metadata.NewIncomingContext(ctx, metadata.Pairs("authorization", "Bearer good"))
}

// An answer is not older than it says, whatever happens while it is made.
func TestAnAnswerIsOfTheMomentThatItSays(t *testing.T) {
	for name, happens := range map[string]func(r *rig, change func()){
		"while the API server is asked about the caller": func(r *rig, change func()) {
			r.judge.meanwhile = func() {
				time.Sleep(3 * time.Second)
				change()
			}
		},
		"while it is looked how old all is": func(r *rig, change func()) {
			r.s.heard = func() time.Time {
				change()
				return time.Now()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for what, ask := range map[string]func(ctx context.Context, s *service) (*zenleadv1.LeaderState, error){
				"one pool": func(ctx context.Context, s *service) (*zenleadv1.LeaderState, error) {
					a, err := s.GetLeader(ctx, &zenleadv1.GetLeaderRequest{Pool: "web"})
					return a.GetState(), err
				},
				"one pool in a term": func(ctx context.Context, s *service) (*zenleadv1.LeaderState, error) {
					a, err := s.GetLeader(ctx, &zenleadv1.GetLeaderRequest{Pool: "web", MinTerm: 6})
					return a.GetState(), err
				},
				"all pools": func(ctx context.Context, s *service) (*zenleadv1.LeaderState, error) {
					a, err := s.ListPools(ctx, &zenleadv1.ListPoolsRequest{})
					if err != nil {
						return nil, err
					}
					return a.GetPools()[0], nil
				},
			} {
				t.Run(what, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						r := newQuietRig()
						r.s.live = nobody{}
						happens(r, func() { r.leads("b", 6) })
						state, err := ask(asGood(t.Context()), r.s)
						if err != nil || state.GetLeader().GetName() != "b" || state.GetTerm() != 6 || state.GetAgeMs() != 0 {
							t.Errorf("%v, %v", state, err)
						}
					})
				})
			}
		})
	}
}

// nobody is an API server that cannot be read.
type nobody struct{ client.Reader }

func (nobody) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errAway
}

// A program that is told UnknownPool or Refused relies on it that nothing has moved.
func TestWhyNothingMovedOrMayHave(t *testing.T) {
	policies := schema.GroupResource{Resource: "leaderpolicies"}
	gone := apierrors.NewNotFound(policies, "web")
	for name, tc := range map[string]struct {
		err    error
		code   codes.Code
		reason string
	}{
		"the pool is not there before it is asked for":   {wrapped(gone), codes.NotFound, reasonUnknownPool},
		"the pool is gone after it was asked for":        {errors.Join(handover.ErrOutcomeUnknown, gone), codes.Aborted, reasonUnavailable},
		"the answer could not be read":                   {errors.Join(handover.ErrOutcomeUnknown, errAway), codes.Aborted, reasonUnavailable},
		"the caller went after it was asked for":         {errors.Join(handover.ErrOutcomeUnknown, context.Canceled), codes.Aborted, reasonUnavailable},
		"reading it was forbidden after it was asked":    {errors.Join(handover.ErrOutcomeUnknown, apierrors.NewForbidden(policies, "web", nil)), codes.Aborted, reasonUnavailable},
		"it was refused":                                 {&handover.RefusedError{Message: "b: it is not ready"}, codes.FailedPrecondition, reasonRefused},
		"somebody took it off":                           {handover.ErrReplaced, codes.Aborted, reasonUnavailable},
		"nobody answers":                                 {&handover.NoAnswerError{After: time.Second}, codes.DeadlineExceeded, reasonUnavailable},
		"the caller went while it was asked for":         {wrapped(context.Canceled), codes.DeadlineExceeded, reasonUnavailable},
		"the API server took too long to take it":        {wrapped(context.DeadlineExceeded), codes.DeadlineExceeded, reasonUnavailable},
		"the API server forbids to ask for it":           {wrapped(apierrors.NewForbidden(policies, "web", errors.New("not today"))), codes.FailedPrecondition, reasonRefused},
		"an admission policy does not want it":           {wrapped(apierrors.NewInvalid(schema.GroupKind{Kind: "LeaderPolicy"}, "web", nil)), codes.FailedPrecondition, reasonRefused},
		"the API server is asked too much":               {wrapped(apierrors.NewTooManyRequests("later", 1)), codes.Unavailable, reasonUnavailable},
		"the API server fails, perhaps after it took it": {wrapped(apierrors.NewInternalError(errAway)), codes.Unavailable, reasonUnavailable},
		"the API server took too long, by its own clock": {wrapped(apierrors.NewTimeoutError("etcd", 1)), codes.Unavailable, reasonUnavailable},
		"the API server is away":                         {wrapped(errAway), codes.Unavailable, reasonUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			if f := failureOf(notMoved(tc.err)); f.code != tc.code || f.reason != tc.reason {
				t.Errorf("%v %s: %s; want %v %s", f.code, f.reason, f.message, tc.code, tc.reason)
			}
		})
	}
}

func wrapped(err error) error { return errors.Join(errors.New("ask for the move"), err) }
