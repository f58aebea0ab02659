package record_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"k8s.io/client-go/rest"
)

// breaking is a connection to the API server that breaks as a test says.
type breaking struct {
	http.RoundTripper
	// bytes that a watch lets through before it breaks off in the middle of an event; 0: all.
	bytes int
	// forgets: a watch that goes on from a revision is told that the API server does not remember it.
	forgets atomic.Bool
	// compacted: lists of past revisions are told the same.
	compacted atomic.Bool
	watches   atomic.Int32
	// past counts lists of one revision.
	past atomic.Int32
}

func (b *breaking) config() *rest.Config {
	c := rest.CopyConfig(api)
	c.Wrap(func(rt http.RoundTripper) http.RoundTripper {
		b.RoundTripper = rt
		return b
	})
	return c
}

func (b *breaking) RoundTrip(r *http.Request) (*http.Response, error) {
	q := r.URL.Query()
	switch {
	case q.Get("watch") == "true":
		b.watches.Add(1)
		if b.forgets.Swap(false) {
			return expired(r), nil
		}
	case q.Get("resourceVersionMatch") == "Exact":
		b.past.Add(1)
		if b.compacted.Load() {
			return expired(r), nil
		}
	}
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil && q.Get("watch") == "true" && b.bytes > 0 {
		resp.Body = &short{resp.Body, b.bytes}
	}
	return resp, err
}

type short struct {
	io.ReadCloser
	left int
}

func (s *short) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := s.ReadCloser.Read(p[:min(len(p), s.left)])
	s.left -= n
	return n, err
}

func expired(r *http.Request) *http.Response {
	const body = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410,"message":"too old resource version"}`
	return &http.Response{
		StatusCode: http.StatusGone, Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(body)),
		Body: io.NopCloser(strings.NewReader(body)),
	}
}
