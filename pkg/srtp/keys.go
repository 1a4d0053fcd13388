package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
)

// A Profile is an SRTP protection profile under its number of the DTLS-SRTP registry (RFC 5764 section 4.1.2).
type Profile uint16

const (
	// AES128GCM is SRTP_AEAD_AES_128_GCM (RFC 7714 section 14.2).
	AES128GCM Profile = 0x0007
	// AES256GCM is SRTP_AEAD_AES_256_GCM (RFC 7714 section 14.2).
	AES256GCM Profile = 0x0008
)

const (
	// Overhead is how many bytes SealRTP adds to a packet.
	Overhead = tagSize
	// OverheadRTCP is how many bytes SealRTCP adds to a packet: the tag and the word with the E bit and the index.
	OverheadRTCP = tagSize + wordSize
)

const (
	saltSize  = 12
	nonceSize = 12
	tagSize   = 16
	wordSize  = 4 // the E bit and the 31-bit index behind every SRTCP packet
)

// KeyLen returns the length of a master key in bytes, 0 for a profile that is not supported.
func (p Profile) KeyLen() int {
	switch p {
	case AES128GCM:
		return 16
	case AES256GCM:
		return 32
	}
	return 0
}

// SaltLen returns the length of a master salt in bytes, 0 for a profile that is not supported.
func (p Profile) SaltLen() int {
	if !p.Supported() {
		return 0
	}
	return saltSize
}

// Supported reports whether this package can seal and open under p.
func (p Profile) Supported() bool { return p.KeyLen() != 0 }

// Keys are the master key and the master salt of one direction.
type Keys struct{ Key, Salt []byte }

// Labels of key derivation (RFC 3711 section 4.3.1). GCM authenticates by itself, so that the labels of authentication keys, 1 and 4,
// stay unused.
const (
	labelRTPKey   = 0
	labelRTPSalt  = 2
	labelRTCPKey  = 3
	labelRTCPSalt = 5
)

// A session is the cipher of RTP or of RTCP under the session key and salt of one direction.
type session struct {
	aead cipher.AEAD
	// The salt as the two numbers that the nonce is made with.
	saltHigh uint64
	saltLow  uint32
	// nonce lives here because what an interface is called with escapes.
	nonce [nonceSize]byte
}

// newSessions derives the session keys of RTP and RTCP of k.
func newSessions(p Profile, k Keys) (rtp, rtcp session, err error) {
	if !p.Supported() {
		return rtp, rtcp, fmt.Errorf("SRTP profile %#04x is not supported", uint16(p))
	}
	if len(k.Key) != p.KeyLen() || len(k.Salt) != p.SaltLen() {
		return rtp, rtcp, fmt.Errorf("SRTP master key and salt of %d and %d bytes, want %d and %d", len(k.Key), len(k.Salt), p.KeyLen(), p.SaltLen())
	}
	if rtp, err = newSession(k, labelRTPKey, labelRTPSalt); err != nil {
		return rtp, rtcp, fmt.Errorf("derive keys of SRTP: %w", err)
	}
	if rtcp, err = newSession(k, labelRTCPKey, labelRTCPSalt); err != nil {
		return rtp, rtcp, fmt.Errorf("derive keys of SRTCP: %w", err)
	}
	return rtp, rtcp, nil
}

func newSession(k Keys, keyLabel, saltLabel byte) (s session, err error) {
	master, err := aes.NewCipher(k.Key)
	if err != nil {
		return s, err
	}
	var key [32]byte
	var salt [saltSize]byte
	derive(key[:len(k.Key)], master, k.Salt, keyLabel)
	derive(salt[:], master, k.Salt, saltLabel)
	defer clear(key[:])
	return makeSession(key[:len(k.Key)], salt)
}

// makeSession makes a session of what was derived.
func makeSession(key []byte, salt [saltSize]byte) (s session, err error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return s, err
	}
	if s.aead, err = cipher.NewGCM(block); err != nil {
		return s, err
	}
	s.saltHigh = binary.BigEndian.Uint64(salt[:])
	s.saltLow = binary.BigEndian.Uint32(salt[8:])
	return s, nil
}

// derive fills out with what the pseudo-random function of RFC 3711 section 4.3.3 and RFC 6188 section 3 makes of label, at a key
// derivation rate of 0. The functions take a salt of 112 bits; one of 96 bits is followed by zeros (RFC 7714 section 11, erratum 4938).
func derive(out []byte, master cipher.Block, salt []byte, label byte) {
	var counter [aes.BlockSize]byte
	copy(counter[:14], salt)
	counter[7] ^= label
	clear(out)
	cipher.NewCTR(master, counter[:]).XORKeyStream(out, out)
}

// nonceOf returns the nonce of a packet: two zero bytes, the SSRC and 48 bits of index, combined with the salt (RFC 7714 sections 8.1
// and 9.1). The index of RTP is the roll-over counter and the sequence number, that of RTCP has 31 bits. The result is valid until
// the next call.
func (s *session) nonceOf(ssrc uint32, index uint64) []byte {
	binary.BigEndian.PutUint64(s.nonce[:8], s.saltHigh^(uint64(ssrc)<<16|index>>32))
	binary.BigEndian.PutUint32(s.nonce[8:], s.saltLow^uint32(index))
	return s.nonce[:]
}
