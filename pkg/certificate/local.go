package certificate

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// lifetime is what browsers still take.
	lifetime = 365 * 24 * time.Hour
	// renewBefore is how long before its end a certificate is replaced.
	renewBefore = 30 * 24 * time.Hour
	// localFile holds the certificate and its key, in PEM.
	localFile = "local-network.pem"
)

// Names are what a certificate is made for.
type Names struct {
	Hosts     []string
	Addresses []netip.Addr
}

// Local is a certificate that is signed by nobody, for use where there is no public name. Browsers warn about it once.
type Local struct {
	names    Names
	path     string // "" keeps it in memory
	storeErr error
	current  atomic.Pointer[tls.Certificate]
}

// NewLocal takes the certificate that is stored in dir, if it is good for names and for another month, or makes one and stores it
// there. It is kept in memory only where dir is "" or cannot be written to.
func NewLocal(dir string, names Names, now time.Time) (*Local, error) {
	l := &Local{names: names}
	if dir != "" {
		l.path = filepath.Join(dir, localFile)
		if stored, err := readPair(l.path); err == nil && l.good(stored, now) {
			l.current.Store(stored)
			return l, nil
		}
	}
	return l, l.renew(now)
}

// Get is tls.Config.GetCertificate.
func (l *Local) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) { return l.current.Load(), nil }

// Refresh makes a new certificate where the present one expires within a month.
func (l *Local) Refresh(now time.Time) (changed bool, err error) {
	if l.good(l.current.Load(), now) {
		return false, nil
	}
	return true, l.renew(now)
}

// Stored returns the file that the certificate is kept in; or "", and why it could not be stored if it was tried.
func (l *Local) Stored() (path string, err error) {
	if l.storeErr != nil {
		return "", l.storeErr
	}
	return l.path, nil
}

// Fingerprint returns the SHA-256 of the certificate as browsers show it, so that a person can compare.
func (l *Local) Fingerprint() string {
	sum := sha256.Sum256(l.current.Load().Certificate[0])
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

func (l *Local) renew(now time.Time) error {
	made, encoded, err := selfSigned(l.names, now)
	if err != nil {
		return fmt.Errorf("make a TLS certificate: %w", err)
	}
	l.current.Store(made)
	if l.path != "" {
		l.storeErr = store(l.path, encoded)
	}
	return nil
}

// good reports whether c lasts and is for all our names. IPv6 addresses do not count: many change daily, and a new certificate means
// a new warning to everyone.
func (l *Local) good(c *tls.Certificate, now time.Time) bool {
	if now.Before(c.Leaf.NotBefore) || now.After(c.Leaf.NotAfter.Add(-renewBefore)) {
		return false
	}
	covers := func(name string) bool { return c.Leaf.VerifyHostname(name) == nil }
	for _, h := range l.names.Hosts {
		if !covers(h) {
			return false
		}
	}
	for _, a := range l.names.Addresses {
		if a.Is4() && !covers(a.String()) {
			return false
		}
	}
	return true
}

func readPair(path string) (*tls.Certificate, error) {
	both, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(both, both)
	if err != nil {
		return nil, err
	}
	if pair.Leaf == nil {
		pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0])
	}
	return &pair, err
}

// store replaces the file as a whole, readable by its owner only.
func store(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("store the TLS certificate: %w", err)
	}
	next, err := os.CreateTemp(filepath.Dir(path), ".local-network-*") // with mode 0600
	if err != nil {
		return fmt.Errorf("store the TLS certificate: %w", err)
	}
	defer os.Remove(next.Name())
	_, err = next.Write(content)
	if closeErr := next.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(next.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("store the TLS certificate: %w", err)
	}
	return nil
}
