package certificate

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

const (
	day  = 24 * time.Hour
	year = 365 * day

	// authorityFor and servingFor are how long what is made is valid.
	authorityFor = 10 * year
	servingFor   = year
	// authorityLeft and servingLeft are what an authority, and what it signed, must have left; with less there is a new one.
	authorityLeft = year
	servingLeft   = 90 * day
	// skew is how much the clock of a client may be behind.
	skew = time.Hour
)

// signer is an authority with its key.
type signer struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// held is what the Secret holds. What is missing there, or cannot be read, is missing here.
type held struct {
	// trusted are the authorities of ca.crt, signer is that of ca.key.
	trusted []*x509.Certificate
	signer  *signer
	// serving is that of tls.crt if tls.key is its key.
	serving *x509.Certificate
}

// plan is what is to be made of it.
type plan struct {
	// authority and serving say why a new one is made; empty: what is held stays.
	authority, serving string
	// signed is who signs the new serving certificate; nil: the new authority.
	signed *signer
	// kept are the authorities that stay in ca.crt.
	kept []*x509.Certificate
	// dropped is how many of them go.
	dropped int
}

// nothing says whether all is as it should be.
func (p plan) nothing() bool { return p.authority == "" && p.serving == "" && p.dropped == 0 }

// decide says what is to be made where h is held, so that names are served for a while from now on.
//
// The last act of an authority that is replaced is to sign what is served: whoever trusts it alone is served until that has
// less than servingLeft left.
func decide(h held, names []string, now time.Time) plan {
	p := plan{authority: authorityWanting(h.signer, now)}
	for _, c := range h.trusted {
		if now.Before(c.NotAfter) && maySign(c) {
			p.kept = append(p.kept, c)
		}
	}
	p.dropped = len(h.trusted) - len(p.kept)
	p.serving = servingWanting(h.serving, p.kept, names, now)
	if h.signer != nil && valid(h.signer.certificate, now) && left(h.signer.certificate, now) >= servingLeft {
		p.signed = h.signer
		if p.authority != "" && p.serving == "" {
			p.serving = "it is the last of the old authority"
		}
	}
	return p
}

func authorityWanting(s *signer, now time.Time) string {
	switch {
	case s == nil:
		return "there is none with its key"
	case !maySign(s.certificate):
		return "it may not sign"
	case now.Before(s.certificate.NotBefore):
		return "it is not valid yet"
	case left(s.certificate, now) < authorityLeft:
		return fmt.Sprintf("it ends on %s", s.certificate.NotAfter.Format(time.DateOnly))
	}
	return ""
}

func servingWanting(c *x509.Certificate, trusted []*x509.Certificate, names []string, now time.Time) string {
	signedBy := func(a *x509.Certificate) bool { return c.CheckSignatureFrom(a) == nil }
	switch {
	case c == nil:
		return "there is none with its key"
	case !slices.ContainsFunc(trusted, signedBy):
		return "no authority of ca.crt signed it"
	case now.Before(c.NotBefore):
		return "it is not valid yet"
	case left(c, now) < servingLeft:
		return fmt.Sprintf("it ends on %s", c.NotAfter.Format(time.DateOnly))
	case !slices.Equal(namesOf(c), names):
		return fmt.Sprintf("it is for %v", namesOf(c))
	}
	return ""
}

func maySign(c *x509.Certificate) bool {
	return c.BasicConstraintsValid && c.IsCA && c.KeyUsage&x509.KeyUsageCertSign != 0
}

func valid(authority *x509.Certificate, now time.Time) bool {
	return maySign(authority) && !now.Before(authority.NotBefore) && now.Before(authority.NotAfter)
}

func left(c *x509.Certificate, now time.Time) time.Duration { return c.NotAfter.Sub(now) }

// namesOf returns the names and addresses that a certificate is for, in order.
func namesOf(c *x509.Certificate) []string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	slices.Sort(names)
	return names
}
