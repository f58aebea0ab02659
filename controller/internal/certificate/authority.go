package certificate

import (
	"crypto/x509"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
)

// Authority returns the authorities that ca.crt of the same folder holds; nil, which are those of the system, where there is no such
// file.
func (f *Files) Authority() *x509.CertPool {
	pem, err := os.ReadFile(filepath.Join(filepath.Dir(f.certificate), corev1.ServiceAccountRootCAKey))
	if err != nil {
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil
	}
	return pool
}
