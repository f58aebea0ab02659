package api

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// domain is that of the reasons.
const domain = "zenlead.v1"

// failure is why a request fails, as the caller is told: a code of gRPC, and a reason that programs can rely on.
type failure struct {
	code            codes.Code
	reason, message string
}

// Reasons, as proto/zenlead/v1/leader.proto lists them.
const (
	reasonInvalidArgument = "InvalidArgument"
	reasonUnauthenticated = "Unauthenticated"
	reasonForbidden       = "Forbidden"
	reasonUnknownPool     = "UnknownPool"
	reasonTooMany         = "TooManyRequests"
	reasonSlowReader      = "SlowReader"
	reasonStale           = "Stale"
	reasonDraining        = "Draining"
	reasonRefused         = "Refused"
	reasonUnavailable     = "Unavailable"
)

// Reasons of locks, as proto/zenlead/v1/lock.proto lists them.
const (
	reasonUnknownLock = "UnknownLock"
	reasonHeld        = "Held"
	reasonQueueFull   = "QueueFull"
	reasonFinished    = "Finished"
	reasonLost        = "Lost"
	reasonUnknown     = "Unknown"
)

// codeOf is the code of a reason that another replica gave without one.
func codeOf(reason string) codes.Code {
	switch reason {
	case reasonInvalidArgument:
		return codes.InvalidArgument
	case reasonUnauthenticated:
		return codes.Unauthenticated
	case reasonForbidden:
		return codes.PermissionDenied
	case reasonTooMany:
		return codes.ResourceExhausted
	case reasonUnknownLock:
		return codes.NotFound
	case reasonLost:
		return codes.FailedPrecondition
	}
	return codes.Unavailable
}

// Reasons that only HTTP has.
const (
	reasonNotFound = "NotFound"
	reasonMethod   = "MethodNotAllowed"
)

func fail(code codes.Code, reason, format string, args ...any) *failure {
	return &failure{code: code, reason: reason, message: fmt.Sprintf(format, args...)}
}

func (f *failure) Error() string { return f.message }

// GRPCStatus is what gRPC makes the answer of.
func (f *failure) GRPCStatus() *status.Status {
	s := status.New(f.code, f.message)
	detailed, err := s.WithDetails(&errdetails.ErrorInfo{Reason: f.reason, Domain: domain})
	if err != nil {
		return s
	}
	return detailed
}

// failureOf is what a caller is told of any error. What is not a failure of ours is the gateway's: a malformed request; or the
// caller's own end.
func failureOf(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fail(codes.DeadlineExceeded, reasonUnavailable, "there was no answer in time")
	}
	for _, d := range status.Convert(err).Details() { // of another replica
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetDomain() == domain {
			return fail(status.Code(err), info.GetReason(), "%s", status.Convert(err).Message())
		}
	}
	switch s := status.Convert(err); s.Code() {
	case codes.InvalidArgument:
		return fail(s.Code(), reasonInvalidArgument, "%s", s.Message())
	case codes.NotFound, codes.Unimplemented:
		return fail(s.Code(), reasonNotFound, "%s", s.Message())
	default:
		return fail(codes.Unavailable, reasonUnavailable, "%s", s.Message())
	}
}
