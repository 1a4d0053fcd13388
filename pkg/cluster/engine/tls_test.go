package engine

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// selfSigned writes a certificate for 127.0.0.1, which serves as its own authority, and its key.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	private := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private))
	write := func(name, kind string, content []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", must[[]byte](t)(x509.MarshalPKCS8PrivateKey(private)))
}

// TestMutualTLS: the authority and the certificate of the configuration are used, and without them nothing works.
func TestMutualTLS(t *testing.T) {
	cert, key := selfSigned(t)
	pair := must[tls.Certificate](t)(tls.LoadX509KeyPair(cert, key))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(must[[]byte](t)(os.ReadFile(cert)))
	options := serverOptions(t)
	options.TLS, options.TLSVerify, options.TLSTimeout = true, true, patience.Seconds()
	options.TLSConfig = &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS13,
	}
	s := serve(t, options)
	url := []string{s.ClientURL()}
	e, r := open(t, Config{External: &External{URLs: url, CAFile: cert, CertFile: cert, KeyFile: key}})
	r.up(t)
	must[uint64](t)(e.Create(within1m(t), "k", nil))
	for name, x := range map[string]External{"no authority": {}, "no certificate": {CAFile: cert}} {
		t.Run(name, func(t *testing.T) {
			x.URLs = url
			stranger, told := open(t, Config{External: &x})
			t.Log(told.down(t))
			_, err := stranger.Get(within1m(t), "k")
			wantError(t, err, ErrUnavailable)
		})
	}
}
