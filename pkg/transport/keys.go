package transport

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"sync"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"

	"sfu/pkg/srtp"
)

// secrets are those of one connection's DTLS handshake, from which the keys of its SRTP are made. pion does not hand them out but lets one see its ServerHello and
// write a key log. Both are there for debugging: TestKeysComeFromTheHandshake says when an update of pion takes them away. The secrets stay in
// memory and are wiped when they were used.
type secrets struct {
	mu           sync.Mutex
	serverRandom [handshake.RandomLength]byte
	suite        dtls.CipherSuiteID
	profile      srtp.Profile
	clientRandom []byte
	master       []byte
}

// hello is pion's ServerHelloMessageHook.
func (s *secrets) hello(m handshake.MessageServerHello) handshake.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serverRandom = m.Random.MarshalFixed()
	if m.CipherSuiteID != nil {
		s.suite = dtls.CipherSuiteID(*m.CipherSuiteID)
	}
	for _, e := range m.Extensions {
		if use, ok := e.(*extension.UseSRTP); ok && len(use.ProtectionProfiles) == 1 {
			s.profile = srtp.Profile(use.ProtectionProfiles[0])
		}
	}
	return &m
}

// Write is the key log's: one line that begins with a label, then the client's random and the master secret in hexadecimal.
func (s *secrets) Write(line []byte) (int, error) {
	fields := bytes.Fields(line)
	if len(fields) != 3 || string(fields[0]) != "CLIENT_RANDOM" {
		return len(line), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clientRandom, s.master = unhex(fields[1]), unhex(fields[2])
	return len(line), nil
}

func unhex(text []byte) []byte {
	b := make([]byte, hex.DecodedLen(len(text)))
	if _, err := hex.Decode(b, text); err != nil {
		return nil
	}
	return b
}

// errForeign is what keys returns for a profile that is left to pion.
var errForeign = errors.New("a profile that pion encrypts")

// keys returns the profile that was agreed on and the keys of both directions, once. It fails with errForeign for a profile that package srtp
// does not know.
func (s *secrets) keys() (p srtp.Profile, client, server srtp.Keys, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { clear(s.master); s.master = nil }()
	if !s.profile.Supported() {
		return s.profile, client, server, errForeign
	}
	if len(s.master) == 0 || len(s.clientRandom) == 0 {
		return s.profile, client, server, errors.New("the DTLS handshake told no secret")
	}
	digest, err := digestOf(s.suite)
	if err != nil {
		return s.profile, client, server, err
	}
	material := srtp.ExportKeys(s.profile, digest, s.master, s.clientRandom, s.serverRandom[:])
	client, server, err = srtp.SplitKeys(s.profile, material)
	return s.profile, client, server, err
}

// digestOf returns the hash of a DTLS 1.2 cipher suite's pseudorandom function (RFC 5246 section 5, RFC 5289 section 3).
func digestOf(suite dtls.CipherSuiteID) (func() hash.Hash, error) {
	switch suite {
	case dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, dtls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:
		return sha512.New384, nil
	case dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM,
		dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, dtls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
		dtls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, dtls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256:
		return sha256.New, nil
	}
	return nil, fmt.Errorf("the DTLS cipher suite %v is not known", suite)
}
