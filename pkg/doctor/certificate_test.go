package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// An issued certificate can issue others.
type issued struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// issue makes a certificate for name; by signs it, or it does itself.
func issue(t *testing.T, name string, by *issued, isCA bool, from, to time.Time) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: from, NotAfter: to,
		IsCA: isCA, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{c, key}
}

func (i *issued) pair() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{i.certificate.Raw}, PrivateKey: i.key}
}

func TestJudgeCertificate(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	from, to := now.AddDate(0, -1, 0), now.AddDate(0, 2, 0)
	root := issue(t, "root", nil, true, from.AddDate(-5, 0, 0), to.AddDate(5, 0, 0))
	middle := issue(t, "middle", root, true, from.AddDate(-1, 0, 0), to.AddDate(1, 0, 0))
	leaf := issue(t, "meet.example.org", middle, false, from, to)
	self := issue(t, "meet.example.org", nil, false, from, to)
	roots := x509.NewCertPool()
	roots.AddCert(root.certificate)
	all := func(certificates ...*issued) chain {
		c := chain{host: "meet.example.org", roots: roots}
		for _, i := range certificates {
			c.certificates = append(c.certificates, i.certificate)
		}
		return c
	}
	named := all(leaf, middle)
	named.host = "www.example.org"
	anyHost := all(leaf, middle)
	anyHost.host = ""
	rootless := all(self)
	rootless.roots = nil
	unknown := all(leaf, middle)
	unknown.roots = x509.NewCertPool()
	for name, tt := range map[string]struct {
		chain chain
		now   time.Time
		text  string
		want  []string
	}{
		"good":                 {all(leaf, middle), now, "2026-08-01", []string{"ok certificate"}},
		"any host":             {anyHost, now, "", []string{"ok certificate"}},
		"ended":                {all(leaf, middle), to.AddDate(0, 0, 1), "2026-08-01", []string{"fail certificate-expired"}},
		"not begun":            {all(leaf, middle), from.AddDate(0, 0, -1), "2026-05-01", []string{"fail certificate-expired"}},
		"nearly ended":         {all(leaf, middle), to.AddDate(0, 0, -13), "in 13 days", []string{"warn certificate-expiring"}},
		"15 days left":         {all(leaf, middle), to.AddDate(0, 0, -15), "", []string{"ok certificate"}},
		"another name":         {named, now, "for meet.example.org, not for www.example.org", []string{"fail certificate-name"}},
		"no intermediate":      {all(leaf), now, `"middle"`, []string{"fail certificate-chain"}},
		"self-signed":          {all(self), now, "", []string{"warn certificate-self"}},
		"unknown root":         {unknown, now, `"root"`, []string{"warn certificate-self"}},
		"ended and incomplete": {all(leaf), to.AddDate(0, 0, 1), "", []string{"fail certificate-expired", "fail certificate-chain"}},
		"roots not known":      {rootless, now, "", []string{"ok certificate"}},
		"none":                 {chain{}, now, "", []string{"fail certificate-unusable"}},
	} {
		t.Run(name, func(t *testing.T) { check(t, judgeCertificate(tt.chain, tt.now), tt.text, tt.want...) })
	}
}

func TestLookAtCertificate(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	leaf := issue(t, "meet.example.org", nil, false, now.AddDate(0, 0, -3), now.AddDate(0, 0, -1))
	der, err := x509.MarshalECPrivateKey(leaf.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, key := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: leaf.certificate.Raw}, key: {Type: "EC PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		server Server
		want   string
	}{
		"expired": {Server{TLS: true, CertFile: cert, KeyFile: key}, "fail certificate-expired"}, // and perhaps that nobody signed it
		"no file": {Server{TLS: true, CertFile: cert + "x", KeyFile: key}, "fail certificate-unusable"},
		"swapped": {Server{TLS: true, CertFile: key, KeyFile: cert}, "fail certificate-unusable"},
		"self":    {Server{TLS: true}, "info certificate-self"},
		"proxied": {Server{Proxied: true}, "ok certificate"},
		"plain":   {Server{}, "warn certificate-none"},
	} {
		t.Run(name, func(t *testing.T) { check(t, tt.server.lookAtCertificate(now)[:1], "", tt.want) })
	}
}
