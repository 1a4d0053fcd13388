package mesh

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

const (
	// minSecretBytes is the length of a random key of AES-128.
	minSecretBytes = 16
	// maxIncarnationBytes is the longest label of a domain name (RFC 1035).
	maxIncarnationBytes = 63
	// authorityInfo tells this use of the secret from others (RFC 5869, section 3.2).
	authorityInfo = "sfu mesh certificate authority v1"
	// anyNode is a name that all nodes have, anyNode below a label that one process has.
	anyNode = "node.sfu.internal"
)

// The validity has no end that a wrong clock could reach.
var (
	validFrom  = time.Unix(0, 0).UTC()
	validUntil = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) // RFC 5280, section 4.1.2.5: no well-defined expiration
)

// credentials are what a process shows of itself and whom it believes.
type credentials struct {
	own     tls.Certificate
	trusted *x509.CertPool
}

// newCredentials makes the certificate of an incarnation, signed with the first secret.
func newCredentials(secrets [][]byte, incarnation string) (credentials, error) {
	if len(secrets) == 0 {
		return credentials{}, errors.New("make node certificate: there is no cluster secret")
	}
	if !isIncarnation(incarnation) {
		return credentials{}, fmt.Errorf("make node certificate: %q is no incarnation: letters and digits, at most %d", incarnation, maxIncarnationBytes)
	}
	c := credentials{trusted: x509.NewCertPool()}
	var signer authority
	for i, secret := range secrets {
		a, err := newAuthority(secret)
		if err != nil {
			return credentials{}, fmt.Errorf("use cluster secret %d: %w", i+1, err)
		}
		c.trusted.AddCert(a.certificate)
		if i == 0 {
			signer = a
		}
	}
	own, err := signer.issue(incarnation)
	if err != nil {
		return credentials{}, fmt.Errorf("make node certificate: %w", err)
	}
	c.own = own
	return c, nil
}

// An authority signs the certificates of nodes. It is the same on each node that knows the secret.
type authority struct {
	key         ed25519.PrivateKey
	certificate *x509.Certificate
}

func newAuthority(secret []byte) (authority, error) {
	if len(secret) < minSecretBytes {
		return authority{}, fmt.Errorf("it has %d bytes, at least %d are needed", len(secret), minSecretBytes)
	}
	seed, err := hkdf.Key(sha256.New, secret, nil, authorityInfo, ed25519.SeedSize)
	if err != nil {
		return authority{}, fmt.Errorf("derive key: %w", err)
	}
	key := ed25519.NewKeyFromSeed(seed)
	public := key.Public().(ed25519.PublicKey)
	fingerprint := sha256.Sum256(public)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		// The name is the key's, so that a chain is built with the right one of several authorities.
		Subject:   pkix.Name{CommonName: "sfu mesh " + hex.EncodeToString(fingerprint[:8])},
		NotBefore: validFrom, NotAfter: validUntil,
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	certificate, err := sign(template, template, public, key)
	if err != nil {
		return authority{}, err
	}
	return authority{key, certificate}, nil
}

// issue makes a key and a certificate of its own for one process.
func (a authority) issue(incarnation string) (tls.Certificate, error) {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make serial number: %w", err)
	}
	leaf, err := sign(&x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(2)),
		Subject:      pkix.Name{CommonName: incarnation},
		DNSNames:     []string{anyNode, incarnation + "." + anyNode},
		NotBefore:    validFrom, NotAfter: validUntil,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.certificate, public, a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

func sign(template, parent *x509.Certificate, public ed25519.PublicKey, key ed25519.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read signed certificate: %w", err)
	}
	return certificate, nil
}

// isIncarnation reports whether s can be a label of a name. Upper and lower case are different, although DNS does not tell them apart.
func isIncarnation(s string) bool {
	if s == "" || len(s) > maxIncarnationBytes {
		return false
	}
	for _, c := range []byte(s) {
		if !isAlphanumeric(c) {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// incarnationOf reads who is at the other end, "" where it does not say. It holds only after the handshake: before its end a certificate may
// have been copied from somebody else.
func incarnationOf(state tls.ConnectionState) string {
	if !state.HandshakeComplete || len(state.PeerCertificates) == 0 {
		return ""
	}
	for _, name := range state.PeerCertificates[0].DNSNames {
		if label, ok := strings.CutSuffix(name, "."+anyNode); ok {
			return label
		}
	}
	return ""
}

// serverTLS asks every caller for a certificate. It must not be cloned per connection: session tickets are sealed with its keys.
func (c credentials) serverTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"}, Certificates: []tls.Certificate{c.own},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: c.trusted,
	}
}

// clientTLS is for connections to one incarnation, which the caller has to check with incarnationOf. Sessions are kept for resumption.
func (c credentials) clientTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"}, Certificates: []tls.Certificate{c.own},
		RootCAs: c.trusted, ServerName: anyNode, ClientSessionCache: tls.NewLRUClientSessionCache(1),
	}
}
