package zenlead

import (
	"fmt"
	"net"
	"os"
	"path/filepath"

	utilcert "k8s.io/client-go/util/cert"
)

// API is where a controller serves the API.
type API struct {
	// HTTPS and GRPC are addresses, as host:port.
	HTTPS, GRPC string
	// CA is the file of the authority that signed its certificate.
	CA string

	dir string
}

// newAPI finds addresses and makes a certificate for them, in a folder.
func newAPI(dir string) (a API, err error) {
	certificate, key, err := utilcert.GenerateSelfSignedCertKey("localhost", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		return a, fmt.Errorf("certificate of the API: %w", err)
	}
	a.dir = filepath.Join(dir, "api")
	if err := os.Mkdir(a.dir, 0o700); err != nil {
		return a, err
	}
	// It is its own authority: the last of the certificates in the file has signed the first.
	for name, content := range map[string][]byte{"tls.crt": certificate, "tls.key": key, "ca.crt": certificate} {
		if err := os.WriteFile(filepath.Join(a.dir, name), content, 0o600); err != nil {
			return a, err
		}
	}
	a.CA = filepath.Join(a.dir, "ca.crt")
	if a.HTTPS, err = freeAddress(); err != nil {
		return a, err
	}
	a.GRPC, err = freeAddress()
	return a, err
}

func (a API) flags() []string {
	return []string{"--api-cert-dir=" + a.dir, "--api-bind-address=" + a.HTTPS, "--grpc-bind-address=" + a.GRPC}
}
