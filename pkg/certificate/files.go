package certificate

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// Files is a certificate chain and its key in PEM files.
type Files struct {
	certFile, keyFile string
	certPEM, keyPEM   []byte
	current           atomic.Pointer[tls.Certificate]
}

// Load reads a certificate chain and its key.
func Load(certFile, keyFile string) (*Files, error) {
	f := &Files{certFile: certFile, keyFile: keyFile}
	if _, err := f.Refresh(time.Time{}); err != nil {
		return nil, err
	}
	return f, nil
}

// Get is tls.Config.GetCertificate.
func (f *Files) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.current.Load(), nil }

// Refresh reads the files and takes what is new in them. After an error the certificate before stays; files that are being
// replaced one after the other are an error until both are there. The time does not matter.
func (f *Files) Refresh(time.Time) (changed bool, err error) {
	certPEM, err := os.ReadFile(f.certFile)
	if err != nil {
		return false, fmt.Errorf("read TLS certificate: %w", err)
	}
	keyPEM, err := os.ReadFile(f.keyFile)
	if err != nil {
		return false, fmt.Errorf("read TLS key: %w", err)
	}
	if bytes.Equal(certPEM, f.certPEM) && bytes.Equal(keyPEM, f.keyPEM) {
		return false, nil
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return false, fmt.Errorf("use TLS certificate %s with key %s: %w", f.certFile, f.keyFile, err)
	}
	f.certPEM, f.keyPEM = certPEM, keyPEM
	f.current.Store(&pair)
	return true, nil
}
