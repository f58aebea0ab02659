package testserver

import (
	"net/http"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// codesOf are the statuses that come with the reasons of leader.proto and lock.proto; others are Unavailable.
var codesOf = map[string]codes.Code{
	"InvalidArgument": codes.InvalidArgument,
	"Unauthenticated": codes.Unauthenticated,
	"Forbidden":       codes.PermissionDenied,
	"UnknownPool":     codes.NotFound,
	"TooManyRequests": codes.ResourceExhausted,
	"SlowReader":      codes.ResourceExhausted,
	"Stale":           codes.FailedPrecondition,
	"Refused":         codes.FailedPrecondition,
	"UnknownLock":     codes.NotFound,
	"Held":            codes.FailedPrecondition,
	"Lost":            codes.FailedPrecondition,
	"QueueFull":       codes.ResourceExhausted,
	"Finished":        codes.AlreadyExists,
}

// Error is an error as zen-lead sends it, by either transport.
func Error(reason, message string) error { return ErrorOf("zenlead.v1", reason, message) }

// ErrorOf is an error with a reason of another domain than zen-lead's.
func ErrorOf(domain, reason, message string) error {
	code, ok := codesOf[reason]
	if !ok {
		code = codes.Unavailable
	}
	s, err := status.New(code, message).WithDetails(&errdetails.ErrorInfo{Reason: reason, Domain: domain})
	if err != nil {
		return err
	}
	return s.Err()
}

// reasonOf returns the reason of an error, "" if it has none of zen-lead's.
func reasonOf(s *status.Status) string {
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetDomain() == "zenlead.v1" {
			return info.GetReason()
		}
	}
	return ""
}

func statusOf(code codes.Code) int {
	switch code {
	case codes.InvalidArgument:
		return http.StatusBadRequest
	case codes.Unauthenticated:
		return http.StatusUnauthorized
	case codes.PermissionDenied:
		return http.StatusForbidden
	case codes.NotFound:
		return http.StatusNotFound
	case codes.ResourceExhausted:
		return http.StatusTooManyRequests
	case codes.FailedPrecondition, codes.AlreadyExists:
		return http.StatusConflict
	default:
		return http.StatusServiceUnavailable
	}
}
