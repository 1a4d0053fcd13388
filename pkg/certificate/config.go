package certificate

import "crypto/tls"

// A Source gives the certificate of a handshake.
type Source interface {
	Get(*tls.ClientHelloInfo) (*tls.Certificate, error)
}

// Config returns the settings of a listener that serves HTTP/1.1 with the certificate of s: a WebSocket needs HTTP/1.1, and without
// HTTP/2 its floods of resets have nothing to hit.
func Config(s Source) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: s.Get}
}
