package api

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"

	utilcert "k8s.io/client-go/util/cert"
)

// TestWhoIsAReplica: callers' tokens are passed on to nobody else.
func TestWhoIsAReplica(t *testing.T) {
	pair := func(host string) (tls.Certificate, []*x509.Certificate) {
		certificate, key, err := utilcert.GenerateSelfSignedCertKey(host, []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		p, err := tls.X509KeyPair(certificate, key)
		if err != nil {
			t.Fatal(err)
		}
		chain, err := utilcert.ParseCertsPEM(certificate)
		if err != nil {
			t.Fatal(err)
		}
		return p, chain
	}
	own, chain := pair("zen-lead-api.zen-lead-system.svc")
	_, strangers := pair("zen-lead-api.zen-lead-system.svc")
	_, others := pair("db.default.svc")
	trusted := func(of ...*x509.Certificate) func() *x509.CertPool {
		pool := x509.NewCertPool()
		for _, c := range of {
			pool.AddCert(c)
		}
		return func() *x509.CertPool { return pool }
	}
	for name, tc := range map[string]struct {
		authority func() *x509.CertPool
		shows     []*x509.Certificate
		want      bool
	}{
		"who has the same certificate":                               {trusted(), chain, true},
		"who has another for the same name, of the same authority":   {trusted(strangers[len(strangers)-1]), strangers, true},
		"not who has one for the same name of another authority":     {trusted(chain[len(chain)-1]), strangers, false},
		"not who has one for another name of the same authority":     {trusted(others[len(others)-1]), others, false},
		"not who has one that no authority of the system has signed": {nil, strangers, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplicas(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &own, nil }, tc.authority)
			if err := r.verify(tls.ConnectionState{PeerCertificates: tc.shows}); (err == nil) != tc.want {
				t.Errorf("%v", err)
			}
		})
	}
}
