package zenlead

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
)

// Where a pod finds what it needs: the volume that docs/ask.md shows, and what every pod with an account has.
const (
	podTokenFile     = "/var/run/secrets/zen-lead/token"
	podCAFile        = "/var/run/secrets/zen-lead/ca.crt"
	podNamespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
)

// Option changes how [New] connects.
type Option func(*options)

type options struct {
	token     tokenSource
	ca        authority
	namespace string
	// dial connects where a test has no network.
	dial func(ctx context.Context, address string) (net.Conn, error)
}

// WithToken presents a token that stays the same. Set it where there is no file, as with `kubectl create token`. Of WithToken and
// [WithTokenFile] the last counts.
func WithToken(token string) Option {
	return func(o *options) { o.token = tokenSource{token: token} }
}

// WithTokenFile presents the token in a file, which is read for each call: a mounted token is another after some time. Default:
// /var/run/secrets/zen-lead/token if there is such a file, else none.
func WithTokenFile(path string) Option {
	return func(o *options) { o.token = tokenSource{path: path} }
}

// WithCAFile trusts the certificate authorities in a PEM file, and no others. The file is read for each connection. Default:
// /var/run/secrets/zen-lead/ca.crt if there is such a file, else those of the system.
func WithCAFile(path string) Option {
	return func(o *options) { o.ca = authority(path) }
}

// WithNamespace names the namespace of the pools and locks. Default: POD_NAMESPACE, else the pod's, else "default".
func WithNamespace(namespace string) Option {
	return func(o *options) { o.namespace = namespace }
}

// complete fills in what was not set.
func complete(all []Option) (o options, err error) {
	for _, set := range all {
		set(&o)
	}
	if o.token == (tokenSource{}) && exists(podTokenFile) {
		o.token.path = podTokenFile
	}
	if o.ca == "" && exists(podCAFile) {
		o.ca = podCAFile
	}
	if o.namespace == "" {
		o.namespace, err = ownNamespace(podNamespaceFile)
	}
	return o, err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// ownNamespace is where this process runs.
func ownNamespace(file string) (string, error) {
	if namespace := os.Getenv("POD_NAMESPACE"); namespace != "" {
		return namespace, nil
	}
	namespace, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "default", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the pod's namespace: %w", err)
	}
	return strings.TrimSpace(string(namespace)), nil
}
