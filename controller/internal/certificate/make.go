package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// The keys of the Secret: those of type kubernetes.io/tls, what cert-manager writes beside them, and the authority's key.
const (
	authorityKey        = "ca.crt"
	authorityPrivateKey = "ca.key"
	servingKey          = corev1.TLSCertKey
	servingPrivateKey   = corev1.TLSPrivateKeyKey
)

// read returns what a Secret's data hold. What cannot be read is as good as missing: it is replaced.
func read(data map[string][]byte) held {
	var h held
	if trusted, err := cert.ParseCertsPEM(data[authorityKey]); err == nil {
		h.trusted = trusted
	}
	if key, err := keyutil.ParsePrivateKeyPEM(data[authorityPrivateKey]); err == nil {
		h.signer = signerOf(key, h.trusted)
	}
	if pair, err := tls.X509KeyPair(data[servingKey], data[servingPrivateKey]); err == nil {
		h.serving = pair.Leaf
	}
	return h
}

// signerOf returns the authority whose key it is; nil: none of them.
func signerOf(key any, trusted []*x509.Certificate) *signer {
	s, ok := key.(crypto.Signer)
	if !ok {
		return nil
	}
	public, ok := s.Public().(interface{ Equal(x crypto.PublicKey) bool })
	if !ok {
		return nil
	}
	for _, c := range trusted {
		if public.Equal(c.PublicKey) {
			return &signer{certificate: c, key: s}
		}
	}
	return nil
}

// made returns the Secret's data after the plan p was carried out, with what else is in them.
func made(data map[string][]byte, p plan, names []string, now time.Time) (map[string][]byte, error) {
	next := make(map[string][]byte, len(data)+4)
	maps.Copy(next, data)
	trusted, signs := p.kept, p.signed
	if p.authority != "" {
		s, err := newAuthority(now)
		if err != nil {
			return nil, err
		}
		if next[authorityPrivateKey], err = keyutil.MarshalPrivateKeyToPEM(s.key); err != nil {
			return nil, fmt.Errorf("write the authority's key: %w", err)
		}
		trusted = slices.Insert(slices.Clone(trusted), 0, s.certificate)
		if signs == nil {
			signs = s
		}
	}
	var err error
	if next[authorityKey], err = cert.EncodeCertificates(trusted...); err != nil {
		return nil, fmt.Errorf("write the authorities: %w", err)
	}
	if p.serving != "" {
		if next[servingKey], next[servingPrivateKey], err = newServing(*signs, names, now); err != nil {
			return nil, err
		}
	}
	return next, nil
}

func newAuthority(now time.Time) (*signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the authority's key: %w", err)
	}
	template := &x509.Certificate{
		// Two authorities are told apart by people and by programs that look at names alone.
		Subject:               pkix.Name{CommonName: "zen-lead API, authority of " + now.UTC().Format(time.DateTime)},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(authorityFor),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	c, err := sign(template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the authority: %w", err)
	}
	return &signer{certificate: c, key: key}, nil
}

// newServing returns a certificate and its key, as PEM. It ends with its authority at the latest.
func newServing(by signer, names []string, now time.Time) (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make the serving key: %w", err)
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "zen-lead API"},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(servingFor),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if by.certificate.NotAfter.Before(template.NotAfter) {
		template.NotAfter = by.certificate.NotAfter
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, n)
		}
	}
	c, err := sign(template, by.certificate, private.Public(), by.key)
	if err != nil {
		return nil, nil, fmt.Errorf("make the serving certificate: %w", err)
	}
	if certificate, err = cert.EncodeCertificates(c); err != nil {
		return nil, nil, fmt.Errorf("write the serving certificate: %w", err)
	}
	if key, err = keyutil.MarshalPrivateKeyToPEM(private); err != nil {
		return nil, nil, fmt.Errorf("write the serving key: %w", err)
	}
	return certificate, key, nil
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, by crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, by)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// ordered returns names as namesOf returns them.
func ordered(names []string) []string {
	var all []string
	for _, n := range names {
		n = strings.ToLower(strings.TrimSpace(n))
		if ip := net.ParseIP(n); ip != nil {
			n = ip.String()
		}
		if n != "" {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
