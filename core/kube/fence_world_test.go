package kube

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/kube-zen/zen-lead/core/term"
)

// tenure is a term of which a test says how long it lasts.
type tenure struct {
	mu      sync.Mutex
	until   time.Time // work is told to end then
	margin  time.Duration
	err     error
	number  int64
	changed chan struct{}
	asked   int
}

// newTenure has a term begin that leaves 10 s for work, and 4 s more until it must have ended.
func newTenure() *tenure {
	return &tenure{until: time.Now().Add(10 * time.Second), margin: 4 * time.Second, number: 7, changed: make(chan struct{})}
}

func (t *tenure) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil && time.Until(t.until) <= 0 {
		t.err = term.ErrLost
	}
	return t.err
}

func (t *tenure) Left() term.Times {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked++
	work := time.Until(t.until)
	return term.Times{Work: work, Hard: work + t.margin}
}

func (t *tenure) Changed() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changed
}

func (t *tenure) Token() int64 { return t.number }

// change makes it another, and tells of that.
func (t *tenure) change(how func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	how()
	close(t.changed)
	t.changed = make(chan struct{})
}

// api is an API server that answers as it is told to, over connections in memory: in a bubble of synctest its time is the test's.
type api struct {
	config *rest.Config
	// sent is what arrived.
	mu   sync.Mutex
	sent []string
}

func newAPI(t *testing.T, answer http.HandlerFunc) *api {
	t.Helper()
	a := &api{}
	l := &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{ReadHeaderTimeout: time.Hour, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.sent = append(a.sent, r.Method+" "+r.URL.Path)
		a.mu.Unlock()
		answer(w, r)
	})}
	go func() { _ = server.Serve(l) }()
	connections := &http.Transport{DialContext: l.dial}
	t.Cleanup(func() {
		connections.CloseIdleConnections()
		_ = server.Close()
	})
	a.config = &rest.Config{Host: "http://api.example", Transport: connections, QPS: -1}
	return a
}

// arrived is what was sent so far.
func (a *api) arrived() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sent
}

// listener accepts what is dialled in memory.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *listener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *listener) Addr() net.Addr { return &net.UnixAddr{} }
