package api

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kube-zen/zen-lead/controller/internal/handover"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// Handover moves the lead once, as planned.
func (s *service) Handover(ctx context.Context, q *zenleadv1.HandoverRequest) (*zenleadv1.HandoverResponse, error) {
	pool, err := s.named(q.GetPool(), q.GetNamespace())
	if err != nil {
		return nil, err
	}
	to := q.GetMove().GetTo()
	switch {
	case to == "":
		return nil, fail(codes.InvalidArgument, reasonInvalidArgument, `to: names no pod; the body is {"to":"POD"}`)
	case len(content.IsDNS1123Subdomain(to)) > 0:
		return nil, fail(codes.InvalidArgument, reasonInvalidArgument, "to: %s is no name of a pod", quoted(to))
	}
	caller, err := s.admit(ctx, bearer(ctx), update, pool)
	if err != nil {
		return nil, err
	}
	if s.board.Newest(pool) == nil {
		return nil, unknown(pool)
	}
	log.FromContext(ctx).WithName("api").Info("Asked for a handover", "pool", pool, "to", to, "by", caller.name)
	done, err := handover.Ask(ctx, s.asked, pool, to)
	if err != nil {
		return nil, notMoved(err)
	}
	return &zenleadv1.HandoverResponse{Message: done.Message, Term: done.Term}, nil
}

// notMoved says why there was no move, or that it is not known.
func notMoved(err error) error {
	var refused *handover.RefusedError
	var silent *handover.NoAnswerError
	var answered apierrors.APIStatus
	switch {
	case errors.Is(err, handover.ErrOutcomeUnknown):
		return fail(codes.Aborted, reasonUnavailable, "it was asked for, and what became of it could not be read; the lead may have moved")
	case errors.As(err, &refused):
		return fail(codes.FailedPrecondition, reasonRefused, "%s", refused.Message)
	case errors.Is(err, handover.ErrReplaced): // perhaps after the lead had moved
		return fail(codes.Aborted, reasonUnavailable, "%s; the lead may have moved before", err.Error())
	case errors.As(err, &silent):
		return fail(codes.DeadlineExceeded, reasonUnavailable, "no answer within %s; the lead may still move", silent.After)
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return fail(codes.DeadlineExceeded, reasonUnavailable, "there was no answer in time; the lead may still move")
	case apierrors.IsNotFound(err):
		return fail(codes.NotFound, reasonUnknownPool, "the pool is no more")
	case errors.As(err, &answered) && answered.Status().Code >= 400 && answered.Status().Code < 500 && !apierrors.IsTooManyRequests(err):
		return fail(codes.FailedPrecondition, reasonRefused, "the API server refuses it: %s", answered.Status().Message)
	default:
		return fail(codes.Unavailable, reasonUnavailable, "the API server does not answer; the lead may still move")
	}
}
