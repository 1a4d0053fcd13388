package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/pion/dtls/v3"
	"github.com/pion/srtp/v3"
)

const (
	// replayWindow is how many packets back a packet may come, RTP and RTCP alike.
	replayWindow = 64
	// earlyPackets is how many packets are kept that come before this side's handshake is over: the client's is over first.
	earlyPackets = 64
	// overhead is what SRTCP adds to a packet at most, in bytes: index and tag.
	overhead = 32
)

// srtpMedia protects what goes over a wire (RFC 3711, RFC 7714). Each direction is set up with its first packet: a client that neither
// sends nor is sent anything costs the keys alone.
type srtpMedia struct {
	conn *Conn

	inMu  sync.Mutex
	keys  *srtp.Config // nil before secure; not changed afterwards
	in    *srtp.Context
	early []earlyPacket

	outMu  sync.Mutex
	out    *srtp.Context
	sealed []byte
}

type earlyPacket struct {
	data []byte
	rtcp bool
}

// profiles are the protection profiles that DTLS may choose, in the order of preference: GCM costs a tenth of SHA1_80 here.
var profiles = map[dtls.SRTPProtectionProfile]srtp.ProtectionProfile{
	dtls.SRTP_AEAD_AES_128_GCM:       srtp.ProtectionProfileAeadAes128Gcm,
	dtls.SRTP_AEAD_AES_256_GCM:       srtp.ProtectionProfileAeadAes256Gcm,
	dtls.SRTP_AES128_CM_HMAC_SHA1_80: srtp.ProtectionProfileAes128CmHmacSha1_80,
}

// secure takes the keys from the handshake (RFC 5764 section 4.2) and receives what came before.
func (m *srtpMedia) secure(session *dtls.Conn) error {
	chosen, ok := session.SelectedSRTPProtectionProfile()
	profile, known := profiles[chosen]
	if !ok || !known {
		return errors.New("DTLS agreed on no SRTP profile")
	}
	state, ok := session.ConnectionState()
	if !ok {
		return errors.New("read the state of DTLS")
	}
	keys := &srtp.Config{Profile: profile}
	if err := keys.ExtractSessionKeysFromDTLS(&state, false); err != nil {
		return fmt.Errorf("derive the keys of SRTP: %w", err)
	}
	m.inMu.Lock()
	defer m.inMu.Unlock()
	m.outMu.Lock()
	m.keys = keys
	m.outMu.Unlock()
	for _, p := range m.early {
		m.decrypt(p.data, p.rtcp)
	}
	m.early = nil
	return nil
}

// receive takes a protected packet, which it may change and does not keep.
func (m *srtpMedia) receive(packet []byte, rtcp bool) {
	m.inMu.Lock()
	defer m.inMu.Unlock()
	switch {
	case m.keys != nil:
		m.decrypt(packet, rtcp)
	case len(m.early) < earlyPackets:
		m.early = append(m.early, earlyPacket{bytes.Clone(packet), rtcp})
	default:
		m.unreadable()
	}
}

// decrypt passes a packet on, decrypted in its place. inMu is held.
func (m *srtpMedia) decrypt(packet []byte, rtcp bool) {
	if m.in == nil {
		var err error
		m.in, err = srtp.CreateContext(m.keys.Keys.RemoteMasterKey, m.keys.Keys.RemoteMasterSalt, m.keys.Profile,
			srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow))
		if err != nil {
			m.conn.abort(fmt.Errorf("set up SRTP: %w", err))
			return
		}
	}
	if rtcp {
		plain, err := m.in.DecryptRTCP(packet, packet, nil)
		if err != nil {
			m.unreadable()
			return
		}
		m.conn.inbound.rtcp(binary.BigEndian.Uint32(plain[4:]), plain)
		return
	}
	plain, err := m.in.DecryptRTP(packet, packet, nil)
	if err != nil {
		m.unreadable()
		return
	}
	m.conn.inbound.rtp(binary.BigEndian.Uint32(plain[8:]), plain)
}

func (m *srtpMedia) unreadable() { m.conn.engine.counters.unreadable.Add(1) }

// send protects a packet and sends it.
func (m *srtpMedia) send(packet []byte, rtcp bool) error {
	m.outMu.Lock()
	defer m.outMu.Unlock()
	if m.out == nil {
		if m.keys == nil {
			return ErrClosed
		}
		var err error
		m.out, err = srtp.CreateContext(m.keys.Keys.LocalMasterKey, m.keys.Keys.LocalMasterSalt, m.keys.Profile)
		if err != nil {
			return fmt.Errorf("set up SRTP: %w", err)
		}
		m.sealed = make([]byte, maxPacket+overhead)
	}
	var sealed []byte
	var err error
	if rtcp {
		sealed, err = m.out.EncryptRTCP(m.sealed, packet, nil)
	} else {
		sealed, err = m.out.EncryptRTP(m.sealed, packet, nil)
	}
	if err != nil {
		return fmt.Errorf("protect a packet: %w", err)
	}
	_, err = m.conn.wire.send(sealed)
	return err
}
