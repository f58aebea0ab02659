package zenlead

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// tries is how often a read is sent at most, as serviceConfig has it for gRPC.
const tries = 4

// longestAnswer is what no answer comes near: 500 pools are a quarter of a megabyte.
const longestAnswer = 8 << 20

// decoding reads what a newer server sends, too.
var decoding = protojson.UnmarshalOptions{DiscardUnknown: true}

type restTransport struct {
	base   *url.URL
	client *http.Client
	pools  *connections
	token  tokenSource
}

func connectREST(target string, o options) (transport, error) {
	base, err := url.Parse(target)
	if err != nil || base.Host == "" || strings.Trim(base.Path, "/") != "" || base.RawQuery != "" || base.Fragment != "" || base.User != nil {
		return nil, fmt.Errorf("%w: the target %q is not https://host[:port]", ErrInvalidArgument, target)
	}
	base.Path = "/"
	pools := &connections{ca: o.ca, dial: o.dial}
	return &restTransport{base: base, pools: pools, token: o.token, client: &http.Client{
		Transport: pools,
		// A redirect would send a token, or a handover, to somewhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func (t *restTransport) close() error {
	t.pools.CloseIdleConnections()
	return nil
}

func (t *restTransport) getLeader(ctx context.Context, r *zenleadv1.GetLeaderRequest) (*zenleadv1.GetLeaderResponse, error) {
	query := url.Values{"namespace": {r.GetNamespace()}}
	if r.GetConsistency() != "" {
		query.Set("consistency", r.GetConsistency())
	}
	if r.GetMinTerm() > 0 {
		query.Set("minTerm", strconv.FormatInt(r.GetMinTerm(), 10))
	}
	state := &zenleadv1.LeaderState{}
	header, err := t.read(ctx, t.url(query, "v1/leader/pool", r.GetPool()), state)
	if err != nil {
		return nil, err
	}
	// 110 is "Response is Stale". Source: RFC 7234, 5.5.
	stale := strings.HasPrefix(header.Get("Warning"), "110 ")
	return &zenleadv1.GetLeaderResponse{State: state, Stale: stale}, nil
}

func (t *restTransport) listPools(ctx context.Context, r *zenleadv1.ListPoolsRequest) (*zenleadv1.ListPoolsResponse, error) {
	query := url.Values{}
	if r.GetNamespace() != "" {
		query.Set("namespace", r.GetNamespace())
	}
	if r.GetPageToken() != "" {
		query.Set("pageToken", r.GetPageToken())
	}
	page := &zenleadv1.ListPoolsResponse{}
	if _, err := t.read(ctx, t.url(query, "v1/pools"), page); err != nil {
		return nil, err
	}
	return page, nil
}

func (t *restTransport) handover(ctx context.Context, r *zenleadv1.HandoverRequest) (*zenleadv1.HandoverResponse, error) {
	body, err := protojson.Marshal(r.GetMove())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidArgument, err)
	}
	// Until it has a connection nothing of a request has left; net/http repeats no POST of which something has.
	var sent atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }})
	request, err := t.request(traced, http.MethodPost, t.url(url.Values{"namespace": {r.GetNamespace()}}, "v1/leader/pool", r.GetPool(), "handover"), body)
	if err != nil {
		return nil, err
	}
	moved := &zenleadv1.HandoverResponse{}
	if _, err := t.do(request, moved); err != nil {
		return nil, settle(err, sent.Load())
	}
	return moved, nil
}

func (t *restTransport) watchLeader(ctx context.Context, r *zenleadv1.WatchLeaderRequest) (stream, error) {
	request, err := t.request(ctx, http.MethodGet, t.url(url.Values{"namespace": {r.GetNamespace()}}, "v1/leader/pool", r.GetPool(), "watch"), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "text/event-stream")
	if r.GetResume() != "" {
		request.Header.Set("Last-Event-ID", r.GetResume())
	}
	response, err := t.send(request)
	if err != nil {
		return nil, err
	}
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind != "text/event-stream" {
		_ = response.Body.Close()
		return nil, concluded(ctx, ErrUnavailable, "the answer is no stream of events, and so none of zen-lead's")
	}
	return newEventStream(ctx, response.Body), nil
}

func (t *restTransport) url(query url.Values, path ...string) string {
	u := t.base.JoinPath(path...)
	u.RawQuery = query.Encode()
	return u.String()
}

// read gets an answer, and tries again where there is nobody.
func (t *restTransport) read(ctx context.Context, url string, into proto.Message) (http.Header, error) {
	var failed failures
	for {
		request, err := t.request(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		header, err := t.do(request, into)
		if !errors.Is(err, ErrUnavailable) || int(failed) == tries-1 {
			return header, err
		}
		if !failed.wait(ctx) {
			return nil, context.Cause(ctx)
		}
	}
}

func (t *restTransport) request(ctx context.Context, method, url string, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidArgument, err)
	}
	token, err := t.token.read()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnauthenticated, err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.Header.Set("Accept", "application/json")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, nil
}

// do sends a request and reads the whole answer.
func (t *restTransport) do(r *http.Request, into proto.Message) (http.Header, error) {
	response, err := t.send(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, longestAnswer))
	if err != nil {
		return nil, concluded(r.Context(), ErrUnavailable, err.Error())
	}
	if err := decoding.Unmarshal(body, into); err != nil {
		return nil, concluded(r.Context(), ErrUnavailable, "the answer is none of zen-lead's: "+err.Error())
	}
	return response.Header, nil
}

// send returns the answer if it is a success. The caller closes its body.
func (t *restTransport) send(r *http.Request) (*http.Response, error) {
	response, err := t.client.Do(r)
	if err != nil {
		return nil, concluded(r.Context(), ErrUnavailable, err.Error())
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer func() { _ = response.Body.Close() }()
	kind := kindOfStatus(response.StatusCode)
	body, err := io.ReadAll(io.LimitReader(response.Body, longestAnswer))
	if answer := errorOfBody(body, kind); err == nil && answer != nil {
		return nil, answer
	}
	return nil, concluded(r.Context(), kind, "something answers "+response.Status)
}

// errorOfBody reads an error that zen-lead sent, and returns nil where it sent none.
func errorOfBody(body []byte, otherwise error) *Error {
	var m zenleadv1.ErrorBody
	if err := decoding.Unmarshal(body, &m); err == nil && m.GetError().GetReason() != "" {
		return said(m.GetError().GetReason(), m.GetError().GetMessage(), otherwise)
	}
	return nil
}

// kindOfStatus is what a status without a reason means. Nothing but zen-lead can say that there is no such pool.
func kindOfStatus(code int) error {
	switch code {
	case http.StatusBadRequest:
		return ErrInvalidArgument
	case http.StatusUnauthorized:
		return ErrUnauthenticated
	case http.StatusForbidden:
		return ErrForbidden
	case http.StatusTooManyRequests:
		return ErrTooManyRequests
	default:
		return ErrUnavailable
	}
}
