package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	utilnet "k8s.io/apimachinery/pkg/util/net"

	"github.com/kube-zen/zen-lead/core/term"
)

// ErrNotSent: a fence refused the write. It did not happen, and will not.
var ErrNotSent = errors.New("the write was not sent")

// fence is a transport that sends writes only in a term.
type fence struct {
	next   http.RoundTripper
	termOf func(context.Context) Tenure
	stamps bool
	// root is the path of the API server's URL, "/" or what a proxy has before it.
	root string
}

var _ utilnet.RoundTripperWrapper = &fence{}

// WrappedRoundTripper lets client-go find the connections below.
func (f *fence) WrappedRoundTripper() http.RoundTripper { return f.next }

// RoundTrip is part of [http.RoundTripper].
func (f *fence) RoundTrip(request *http.Request) (*http.Response, error) {
	about := targetOf(f.root, request.URL.Path)
	if about.reads(request.Method) {
		return f.next.RoundTrip(request)
	}
	t := f.termOf(request.Context())
	stamped, err := request, error(nil)
	if f.stamps && t != nil && about.takesAnnotations(request.Method) {
		stamped, err = stamp(request, t.Token())
	}
	if late := judge(t); late != nil { // last: a body may have been slow to come
		err = late
	}
	if err != nil {
		if request.Body != nil {
			_ = request.Body.Close() // a transport must; it was not used
		}
		return nil, fmt.Errorf("%s %s: %w: %w", request.Method, request.URL.Path, ErrNotSent, err)
	}
	return sendIn(t, stamped, f.next)
}

// judge fails unless the term is valid at this moment.
func judge(t Tenure) error {
	if t == nil {
		return fmt.Errorf("%w: this process is in no term", term.ErrLost)
	}
	left := t.Left()
	if err := t.Err(); err != nil {
		return err
	}
	if left.Work <= 0 {
		return fmt.Errorf("%w: its time is over", term.ErrLost)
	}
	return nil
}
