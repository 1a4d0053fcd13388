package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/ice/v4"
)

// A place is where the Engine receives.
type place struct {
	udp *net.UDPAddr
	tcp *net.TCPAddr // nil where there is none
}

// place lists where the Engine receives, and the candidates that every answer names for it (RFC 8839 section 5.1).
func (e *Engine) place() error {
	for _, a := range e.cfg.Addresses {
		at := place{udp: net.UDPAddrFromAddrPort(netip.AddrPortFrom(a.Local, uint16(e.cfg.Port)))}
		if e.tcp != nil {
			at.tcp = &net.TCPAddr{IP: at.udp.IP, Port: e.tcp.LocalAddr().(*net.TCPAddr).Port}
		}
		e.places = append(e.places, at)
		told := a.Announce
		if len(told) == 0 {
			told = []netip.Addr{a.Local}
		}
		for _, to := range told {
			if err := e.announce(to, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// announce adds the candidates of a place as clients know it.
func (e *Engine) announce(to netip.Addr, at place) error {
	udp, err := hostCandidate("udp", to.String(), at.udp.Port)
	if err != nil {
		return err
	}
	e.candidates = append(e.candidates, udp.Marshal())
	if at.tcp == nil {
		return nil
	}
	tcp, err := hostCandidate("tcp", to.String(), at.tcp.Port)
	if err != nil {
		return err
	}
	e.candidates = append(e.candidates, tcp.Marshal())
	return nil
}

func hostCandidate(network, address string, port int) (*ice.CandidateHost, error) {
	cfg := ice.CandidateHostConfig{Network: network, Address: address, Port: port, Component: ice.ComponentRTP}
	if network == "tcp" {
		cfg.TCPType = ice.TCPTypePassive
	}
	candidate, err := ice.NewCandidateHost(&cfg)
	if err != nil {
		return nil, fmt.Errorf("make a candidate of %s: %w", address, err)
	}
	return candidate, nil
}

// certify makes the certificate of all connections, and what all their handshakes have in common.
func (e *Engine) certify() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make the DTLS key: %w", err)
	}
	certificate, err := selfsign.SelfSign(key)
	if err != nil {
		return fmt.Errorf("make the DTLS certificate: %w", err)
	}
	sum := sha256.Sum256(certificate.Certificate[0])
	digits := make([]string, len(sum))
	for i, b := range sum {
		digits[i] = strings.ToUpper(hex.EncodeToString([]byte{b}))
	}
	e.fingerprint = "sha-256 " + strings.Join(digits, ":")
	e.dtls = []dtls.ServerOption{
		dtls.WithCertificates(certificate),
		dtls.WithLoggerFactory(e.logs),
		// GCM first: Chromium would choose SHA1_80, which costs nine times as much.
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80),
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		// There is no authority to ask: the fingerprint of the offer is what the certificate must have.
		dtls.WithInsecureSkipVerify(true),
		// RFC 6347 section 4.2.1's cookie defends servers that answer strangers; only clients that passed ICE get here.
		dtls.WithInsecureSkipVerifyHello(true),
	}
	return nil
}
