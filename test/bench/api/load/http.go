package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
)

// HTTP is a caller that asks by HTTP/1.1, on one connection.
type HTTP struct {
	transport *http.Transport
	request   *http.Request
	names     []byte
	body      bytes.Buffer
}

// NewHTTP makes a caller that gets a URL with a token. An answer is right if it contains a name.
func NewHTTP(ctx context.Context, url string, ca *x509.CertPool, token, accept, name string) (*HTTP, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("caller of %s: %w", url, err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", accept)
	return &HTTP{
		transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: ca}, MaxConnsPerHost: 1,
			DisableCompression: true, // the API server compresses what is large; nothing here is
		},
		request: request, names: []byte(name),
	}, nil
}

// Ask asks once.
func (h *HTTP) Ask(ctx context.Context) error {
	answer, err := h.transport.RoundTrip(h.request.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("GET %s: %w", h.request.URL, err)
	}
	h.body.Reset()
	_, err = h.body.ReadFrom(answer.Body)
	if closeErr := answer.Body.Close(); err == nil {
		err = closeErr
	}
	switch {
	case err != nil:
		return fmt.Errorf("GET %s: %w", h.request.URL, err)
	case answer.StatusCode != http.StatusOK:
		return fmt.Errorf("GET %s: %s: %s", h.request.URL, answer.Status, h.body.Bytes())
	case !bytes.Contains(h.body.Bytes(), h.names):
		return fmt.Errorf("GET %s: the answer does not name %s: %s", h.request.URL, h.names, h.body.Bytes())
	}
	return nil
}

// Close closes the connection.
func (h *HTTP) Close() error {
	h.transport.CloseIdleConnections()
	return nil
}
