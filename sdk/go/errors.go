package zenlead

import (
	"context"
	"errors"
	"fmt"
)

// What goes wrong, for [errors.Is]. A call that its context ended returns the cause of that instead.
var (
	// ErrUnknownPool: there is no such pool in that namespace.
	ErrUnknownPool = errors.New("no such pool")
	// ErrForbidden: the account may not do this; docs/ask.md lists the rights.
	ErrForbidden = errors.New("not allowed")
	// ErrUnauthenticated: there is no token, or it is none of a ServiceAccount for the audience zen-lead, or it has expired.
	ErrUnauthenticated = errors.New("not authenticated")
	// ErrInvalidArgument: the question itself is wrong.
	ErrInvalidArgument = errors.New("invalid argument")
	// ErrTooManyRequests: ask less often.
	ErrTooManyRequests = errors.New("too many requests")
	// ErrUnavailable: there was no answer, or none of zen-lead's. Asking again may help. A handover that fails so was never sent.
	ErrUnavailable = errors.New("unavailable")
	// ErrStale: whoever answered knows less than this client has seen, or has lost the API server.
	ErrStale = errors.New("stale")
	// ErrRefused: the lead is not moved, for a reason that the message gives.
	ErrRefused = errors.New("refused")
	// ErrUnknown: what was asked for may have been done, may still be done, or not. Of a handover: ask who leads before you try again.
	ErrUnknown = errors.New("outcome unknown")
	// ErrUnknownLock: there is no such ManualLock in that namespace.
	ErrUnknownLock = errors.New("no such lock")
	// ErrHeld: somebody else has the lock, or too many wait for it.
	ErrHeld = errors.New("held by somebody else")
	// ErrLost: the lock was not renewed in time, or was taken.
	ErrLost = errors.New("lost")
	// ErrReleased: the lock, or the wait for it, was given up.
	ErrReleased = errors.New("released")
)

// errClosed: Close was called.
var errClosed = errors.New("the client is closed")

// Error is what zen-lead itself said. Where [errors.As] finds none, the client concluded by itself what went wrong: from a
// connection, a clock, or something on the way that answered instead.
type Error struct {
	// Reason is one word for programs, as leader.proto and lock.proto list them. A newer server may know further ones.
	Reason string
	// Message says what was wrong and what to do, for people.
	Message string
	kind    error
}

// Error says what is wrong, and that zen-lead said so.
func (e *Error) Error() string {
	return fmt.Sprintf("%v: zen-lead answers %s: %s", e.kind, e.Reason, e.Message)
}

// Unwrap returns the sentinel that the error is, for [errors.Is].
func (e *Error) Unwrap() error { return e.kind }

// kinds are what the reasons of leader.proto and lock.proto are to a caller.
var kinds = map[string]error{
	"InvalidArgument": ErrInvalidArgument,
	"Unauthenticated": ErrUnauthenticated,
	"Forbidden":       ErrForbidden,
	"UnknownPool":     ErrUnknownPool,
	"TooManyRequests": ErrTooManyRequests,
	"SlowReader":      ErrUnavailable,
	"Stale":           ErrStale,
	"Draining":        ErrUnavailable,
	"Refused":         ErrRefused,
	"Unavailable":     ErrUnavailable,
	"UnknownLock":     ErrUnknownLock,
	"Held":            ErrHeld,
	"QueueFull":       ErrHeld,
	"Lost":            ErrLost,
	"Finished":        ErrReleased,
	"Unknown":         ErrUnknown,
}

// said is an error that zen-lead sent; otherwise is what it is if this version does not know the reason.
func said(reason, message string, otherwise error) *Error {
	kind, ok := kinds[reason]
	if !ok {
		kind = otherwise
	}
	return &Error{Reason: reason, Message: message, kind: kind}
}

// concluded is an error that nobody sent. A context that has ended explains whatever the transport says of it; only its cause
// tells the caller's deadline from a stream that this client tore down.
func concluded(ctx context.Context, kind error, text string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w: %s", kind, text)
}

// settle says what an error means for a write. One that never left has not happened, and some answers say that it was not done.
// All others leave it open, and must then not look like an error after which one simply tries again.
func settle(err error, sent bool) error {
	if !sent {
		return err
	}
	for _, undone := range []error{ErrUnknownPool, ErrForbidden, ErrUnauthenticated, ErrInvalidArgument, ErrTooManyRequests, ErrRefused} {
		if errors.Is(err, undone) {
			return err
		}
	}
	if answer, ok := errors.AsType[*Error](err); ok {
		return &Error{Reason: answer.Reason, Message: answer.Message, kind: ErrUnknown}
	}
	if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrStale) {
		return fmt.Errorf("%w: %v", ErrUnknown, err) //nolint:errorlint // it must not be ErrUnavailable as well
	}
	return fmt.Errorf("%w: %w", ErrUnknown, err)
}

// settleLock says what an error means for a wish, a renewal or a release. That it was not done is certain where it never left, and where
// zen-lead itself says what only a request that is not done is told. Whatever else answers may stand before a zen-lead that goes on.
func settleLock(err error, sent bool) error {
	if err == nil || !sent {
		return err
	}
	answer, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return fmt.Errorf("%w: %v", ErrUnknown, err) //nolint:errorlint // it must not be another sentinel as well
	case errors.Is(answer, ErrUnavailable) || errors.Is(answer, ErrStale):
		return &Error{Reason: answer.Reason, Message: answer.Message, kind: ErrUnknown}
	}
	return err
}
