package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// authority is the one certificate authority of a cluster. It signs servers and clients of all components: what presents a certificate of it
// is ours, so neither we nor the API server can mistake a stranger's etcd for our own.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// credential is a certificate with its key, PEM.
type credential struct{ certificate, key []byte }

// A cluster lives for hours; a year leaves room for one that somebody forgets. The start lies back to allow for a clock that is set.
const (
	validFor  = 365 * 24 * time.Hour
	validFrom = -time.Hour
)

func newAuthority() (*authority, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template, err := newTemplate(pkix.Name{CommonName: "zen-lead test cluster"})
	if err != nil {
		return nil, err
	}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	certificate, err := x509.ParseCertificate(raw)
	return &authority{certificate, key}, err
}

// issueServer makes the certificate that every server of the control plane presents, on loopback or on host. etcd's is a client, too: of its peers.
func (a *authority) issueServer(host string) (credential, error) {
	return a.issue(pkix.Name{CommonName: "zen-lead test cluster server"}, func(t *x509.Certificate) {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
		t.IPAddresses = []net.IP{net.ParseIP(loopback), net.ParseIP(kubernetesServiceIP), net.ParseIP(host)}
		t.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
	})
}

// issueKubelet makes the certificate that a kubelet presents to the API server, which asks it for logs.
func (a *authority) issueKubelet(name, address string) (credential, error) {
	return a.issue(pkix.Name{CommonName: name}, func(t *x509.Certificate) {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		t.IPAddresses = []net.IP{net.ParseIP(address)}
		t.DNSNames = []string{name}
	})
}

// issueClient makes a certificate for a user (and groups) of the API server.
func (a *authority) issueClient(user string, groups ...string) (credential, error) {
	return a.issue(pkix.Name{CommonName: user, Organization: groups}, func(t *x509.Certificate) {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	})
}

func (a *authority) issue(subject pkix.Name, shape func(*x509.Certificate)) (credential, error) {
	key, err := newKey()
	if err != nil {
		return credential{}, err
	}
	template, err := newTemplate(subject)
	if err != nil {
		return credential{}, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	shape(template)
	raw, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		return credential{}, fmt.Errorf("certificate of %s: %w", subject.CommonName, err)
	}
	encodedKey, err := encodeKey(key)
	return credential{encode("CERTIFICATE", raw), encodedKey}, err
}

// own is the authority's certificate with its key: the controller manager signs certificate requests with it.
func (a *authority) own() (credential, error) {
	key, err := encodeKey(a.key)
	return credential{encode("CERTIFICATE", a.certificate.Raw), key}, err
}

// pool trusts the authority and nothing else.
func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// write puts the credential into dir as name.crt and name.key.
func (c credential) write(dir, name string) error {
	if err := os.WriteFile(filepath.Join(dir, name+".crt"), c.certificate, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".key"), c.key, 0o600)
}

func (c credential) pair() (tls.Certificate, error) { return tls.X509KeyPair(c.certificate, c.key) }

func newTemplate(subject pkix.Name) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("serial number: %w", err)
	}
	now := time.Now()
	return &x509.Certificate{SerialNumber: serial, Subject: subject, NotBefore: now.Add(validFrom), NotAfter: now.Add(validFor)}, nil
}

// newKey makes P-256 keys everywhere: RSA keys take longer than the rest of the start together.
func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return key, nil
}

// writeSigningKey makes the pair that signs and verifies the tokens of ServiceAccounts.
func writeSigningKey(dir string) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	private, err := encodeKey(key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return fmt.Errorf("public key: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "service-account.pub"), encode("PUBLIC KEY", public), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "service-account.key"), private, 0o600)
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return encode("EC PRIVATE KEY", raw), nil
}

func encode(kind string, raw []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw})
}
