package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/kube-zen/zen-lead/core/term"
)

// cutOffError is why a request ended that its term's end cut off.
type cutOffError struct {
	request string
	why     error
}

func (e *cutOffError) Error() string {
	return e.request + ": it was cut off at the end of the term, and may have happened or not: " + e.why.Error()
}

// Unwrap tells what is known of the write, and of the term.
func (e *cutOffError) Unwrap() []error { return []error{term.ErrUnknown, e.why} }

// lookAgain is how late, at most, a term is seen to have ended while the machine was suspended: timers stand still then.
const lookAgain = time.Second

// sendIn sends a request, which ends when the term must have ended: the answer to it, too.
func sendIn(t Tenure, request *http.Request, next http.RoundTripper) (*http.Response, error) {
	inTerm, cancel := context.WithCancelCause(request.Context())
	following, stop := context.WithCancel(inTerm)
	go func() {
		if why := ended(following, t); why != nil {
			cancel(&cutOffError{request: request.Method + " " + request.URL.Path, why: why})
		}
	}()
	response, err := next.RoundTrip(request.WithContext(inTerm))
	e := exchange{inTerm: inTerm, end: func() { stop(); cancel(nil) }}
	switch {
	case err != nil:
		err = e.reason(err)
		e.end()
		return nil, err
	case response.StatusCode == http.StatusSwitchingProtocols:
		stop() // the connection is its user's from now on
	default:
		e.ReadCloser = response.Body
		response.Body = &e
	}
	return response, nil
}

// ended waits until a term must have ended, and returns why it has; or until ctx ends.
func ended(ctx context.Context, t Tenure) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		changed, hard := t.Changed(), t.Left().Hard
		if hard <= 0 {
			return cmp.Or(t.Err(), fmt.Errorf("%w: its time is over", term.ErrLost))
		}
		timer.Reset(min(hard, lookAgain))
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-timer.C:
		}
	}
}

// exchange is the body of an answer, until which the request is under way.
type exchange struct {
	io.ReadCloser
	inTerm context.Context //nolint:containedctx // of the request
	end    func()
}

// Read reads the answer.
func (e *exchange) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = e.reason(err)
	}
	return n, err
}

// Close ends the request.
func (e *exchange) Close() error {
	defer e.end()
	return e.ReadCloser.Close()
}

// reason is why a request failed: the end of the term, if that is what cut it off.
func (e *exchange) reason(err error) error {
	if cause, cut := errors.AsType[*cutOffError](context.Cause(e.inTerm)); cut {
		return cause
	}
	return err
}
