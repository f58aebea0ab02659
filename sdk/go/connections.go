package zenlead

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// connections is an http.RoundTripper that trusts what the file of the authority holds: once that is another, new connections are
// made, and the old ones end as they become idle.
type connections struct {
	ca   authority
	dial func(ctx context.Context, address string) (net.Conn, error)

	mu      sync.Mutex
	pem     []byte
	current *http.Transport
}

func (c *connections) RoundTrip(r *http.Request) (*http.Response, error) {
	t, err := c.trusting()
	if err != nil {
		return nil, err
	}
	return t.RoundTrip(r)
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] calls.
func (c *connections) CloseIdleConnections() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil {
		c.current.CloseIdleConnections()
	}
}

func (c *connections) trusting() (*http.Transport, error) {
	pem, err := c.ca.read()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil && bytes.Equal(pem, c.pem) {
		return c.current, nil
	}
	config, err := c.ca.config(pem)
	if err != nil {
		return nil, err
	}
	if c.current != nil {
		c.current.CloseIdleConnections()
	}
	c.pem, c.current = pem, &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		TLSClientConfig:     config,
		TLSHandshakeTimeout: 5 * time.Second,
		ForceAttemptHTTP2:   true, // which a TLSClientConfig would switch off
		IdleConnTimeout:     90 * time.Second,
		// A peer that is gone without a word is noticed as with gRPC.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 10 * time.Second},
	}
	if dial := c.dial; dial != nil {
		c.current.DialContext = func(ctx context.Context, _, address string) (net.Conn, error) {
			connection, err := dial(ctx, address)
			if err != nil {
				return nil, fmt.Errorf("dial %s: %w", address, err)
			}
			return connection, nil
		}
	}
	return c.current, nil
}
