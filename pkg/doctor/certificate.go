package doctor

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sfu/pkg/certificate"
)

// expiringSoon is when a certificate should long have been renewed.
const expiringSoon = 14 * 24 * time.Hour

// A chain is a certificate as it is served, the server's own first.
type chain struct {
	certificates []*x509.Certificate
	// host is what it must be for, "" where that is not known.
	host string
	// roots are those that are trusted; nil where none are known.
	roots *x509.CertPool
}

// judgeCertificate says what browsers would.
func judgeCertificate(c chain, now time.Time) []Finding {
	if len(c.certificates) == 0 {
		return []Finding{found(Fail, "certificate-unusable", "The server shows no certificate.")}
	}
	leaf := c.certificates[0]
	var all []Finding
	switch left := leaf.NotAfter.Sub(now); {
	case left < 0:
		all = append(all, found(Fail, "certificate-expired", "The certificate ended on %s.", day(leaf.NotAfter)))
	case now.Before(leaf.NotBefore):
		all = append(all, found(Fail, "certificate-expired", "The certificate is good from %s on only.", day(leaf.NotBefore)).
			do("Look at the clocks of the server and of this machine."))
	case left < expiringSoon:
		all = append(all, found(Warn, "certificate-expiring", "The certificate ends on %s, in %d days.", day(leaf.NotAfter), int(left.Hours()/24)))
	}
	if c.host != "" && leaf.VerifyHostname(c.host) != nil {
		all = append(all, found(Fail, "certificate-name", "The certificate is for %s, not for %s.", namesOf(leaf), c.host))
	}
	if f, bad := c.judgeTrust(now); bad {
		all = append(all, f)
	}
	if len(all) == 0 {
		all = append(all, found(OK, "certificate", "The certificate for %s is good until %s.", namesOf(leaf), day(leaf.NotAfter)))
	}
	return all
}

// judgeTrust looks at who signed it, as of a day on which it was valid.
func (c chain) judgeTrust(now time.Time) (Finding, bool) {
	leaf := c.certificates[0]
	if c.roots == nil {
		return Finding{}, false
	}
	if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		now = leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 2)
	}
	intermediates := x509.NewCertPool()
	for _, i := range c.certificates[1:] {
		intermediates.AddCert(i)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: c.roots, Intermediates: intermediates, CurrentTime: now})
	var unknown x509.UnknownAuthorityError
	switch {
	case err == nil:
		return Finding{}, false
	case !errors.As(err, &unknown):
		return found(Fail, "certificate-chain", "The certificate cannot be verified: %v.", err), true
	case leaf.Issuer.String() == leaf.Subject.String():
		return found(Warn, "certificate-self", "The certificate was signed by nobody but itself: browsers warn."), true
	case len(c.certificates) == 1:
		return found(Fail, "certificate-chain",
			"The certificate was signed by %q, which is not sent along and which this machine does not know.", leaf.Issuer.CommonName), true
	default:
		last := c.certificates[len(c.certificates)-1]
		return found(Warn, "certificate-self",
			"The certificate was signed by %q in the end, whom this machine does not trust.", last.Issuer.CommonName), true
	}
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// namesOf lists what a certificate is for, a few of them.
func namesOf(c *x509.Certificate) string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	const most = 4
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("%d more", len(names)-most))
	}
	if len(names) == 0 {
		return "no name"
	}
	return strings.Join(names, ", ")
}

// systemRoots returns what this machine trusts, nil where it knows nobody, as in an image without certificates.
func systemRoots() *x509.CertPool {
	roots, err := x509.SystemCertPool()
	if err != nil || roots.Equal(x509.NewCertPool()) {
		return nil
	}
	return roots
}

func (s *Server) lookAtCertificate(now time.Time) []Finding {
	switch {
	case !s.TLS && s.Proxied:
		return []Finding{found(OK, "certificate", "TLS is left to the proxy that --trusted-proxies names.")}
	case !s.TLS:
		return []Finding{found(Warn, "certificate-none", "The server speaks plain HTTP.")}
	case s.CertFile == "":
		return []Finding{found(Info, "certificate-self", "The server makes a certificate for the local network (--tls-self): browsers warn once.")}
	}
	files, err := certificate.Load(s.CertFile, s.KeyFile)
	if err != nil {
		return []Finding{found(Fail, "certificate-unusable", "%v.", err)}
	}
	pair, err := files.Get(nil)
	if err != nil {
		return []Finding{found(Fail, "certificate-unusable", "%v.", err)}
	}
	c := chain{roots: systemRoots()}
	for _, der := range pair.Certificate {
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			return []Finding{found(Fail, "certificate-unusable", "%s: %v.", s.CertFile, err)}
		}
		c.certificates = append(c.certificates, parsed)
	}
	return judgeCertificate(c, now)
}
