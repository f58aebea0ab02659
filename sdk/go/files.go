package zenlead

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
)

// tokenSource is a token, or the file that has it; the zero tokenSource has none.
type tokenSource struct{ token, path string }

// read returns the token of this moment, "" if there is none. The file is read each time: that costs microseconds, and what is
// never kept is never out of date.
func (s tokenSource) read() (string, error) {
	if s.path == "" {
		return s.token, nil
	}
	content, err := os.ReadFile(s.path)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	token := strings.TrimSpace(string(content))
	if token == "" {
		return "", fmt.Errorf("read the token: %s is empty", s.path)
	}
	return token, nil
}

// authority is the file of the certificate authorities that are trusted; "" are those of the system.
type authority string

// read returns what the file holds now.
func (a authority) read() ([]byte, error) {
	if a == "" {
		return nil, nil
	}
	content, err := os.ReadFile(string(a))
	if err != nil {
		return nil, fmt.Errorf("read the certificate authority: %w", err)
	}
	return content, nil
}

// config trusts what read returned.
func (a authority) config(content []byte) (*tls.Config, error) {
	if a == "" {
		return &tls.Config{}, nil
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("read the certificate authority: %s holds no certificate", string(a))
	}
	return &tls.Config{RootCAs: roots}, nil
}
