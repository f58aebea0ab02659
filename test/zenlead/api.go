package zenlead

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"

	utilcert "k8s.io/client-go/util/cert"

	"github.com/kube-zen/zen-lead/test/cluster"
)

// API is where a controller serves the API.
type API struct {
	// HTTPS and GRPC are addresses, as host:port.
	HTTPS, GRPC string
	// CA is the file of the authority that signed its certificate.
	CA string

	dir string
}

// certifying: the replicas of a cluster share one certificate, as they do where one Secret is mounted in all of them.
var certifying sync.Mutex

// newAPI finds addresses. Its certificate is that of the cluster's other replicas, or the first.
func newAPI(clusterDir string) (a API, err error) {
	a.dir = filepath.Join(clusterDir, "api")
	if err := certify(a.dir); err != nil {
		return a, err
	}
	a.CA = filepath.Join(a.dir, "ca.crt")
	if a.HTTPS, err = cluster.FreeAddress(); err != nil {
		return a, err
	}
	a.GRPC, err = cluster.FreeAddress()
	return a, err
}

// certify makes a certificate for this machine in a folder, if there is none.
func certify(dir string) error {
	certifying.Lock()
	defer certifying.Unlock()
	switch err := os.Mkdir(dir, 0o700); {
	case errors.Is(err, os.ErrExist):
		return nil
	case err != nil:
		return err
	}
	certificate, key, err := utilcert.GenerateSelfSignedCertKey("localhost", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		return fmt.Errorf("certificate of the API: %w", err)
	}
	// It is its own authority: the last of the certificates in the file has signed the first.
	for name, content := range map[string][]byte{"tls.crt": certificate, "tls.key": key, "ca.crt": certificate} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (a API) flags() []string {
	return []string{"--api-cert-dir=" + a.dir, "--api-bind-address=" + a.HTTPS, "--grpc-bind-address=" + a.GRPC}
}
