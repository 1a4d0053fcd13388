package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/pion/dtls/v3"
	pion "github.com/pion/srtp/v3"

	"sfu/pkg/forwarder"
	"sfu/pkg/srtp"
)

const (
	// replayWindow is how many packets back a packet may come, RTP and RTCP alike.
	replayWindow = 64
	// earlyPackets is how many packets are kept that come before this side's handshake is over: the client's is over first.
	earlyPackets = 64
	// overhead is what SRTCP adds to a packet at most, in bytes: index and tag.
	overhead = 32
)

// srtpMedia has the keys of what goes over a wire. With AES-GCM package srtp protects it and most packets pass the wire by (see Conn.secure); for the
// other profile pion's SRTP does it here (RFC 3711), each direction set up with its first packet.
type srtpMedia struct {
	conn *Conn

	inMu  sync.Mutex
	keys  *pion.Config // nil before secure; not changed afterwards
	in    *pion.Context
	early []earlyPacket

	outMu  sync.Mutex
	out    *pion.Context
	sealed []byte
}

type earlyPacket struct {
	data []byte
	rtcp bool
}

// profiles are the protection profiles that DTLS may choose, in the order of preference: GCM costs a tenth of SHA1_80 here.
var profiles = map[dtls.SRTPProtectionProfile]pion.ProtectionProfile{
	dtls.SRTP_AEAD_AES_128_GCM:       pion.ProtectionProfileAeadAes128Gcm,
	dtls.SRTP_AEAD_AES_256_GCM:       pion.ProtectionProfileAeadAes256Gcm,
	dtls.SRTP_AES128_CM_HMAC_SHA1_80: pion.ProtectionProfileAes128CmHmacSha1_80,
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
	keys := &pion.Config{Profile: profile}
	if err := keys.ExtractSessionKeysFromDTLS(&state, false); err != nil {
		return fmt.Errorf("derive the keys of SRTP: %w", err)
	}
	if !m.conn.engine.cfg.PlainSRTP && srtp.Profile(chosen).Supported() {
		if err := m.conn.secure(srtp.Profile(chosen), &keys.Keys); err != nil {
			return err
		}
	}
	m.inMu.Lock()
	defer m.inMu.Unlock()
	m.outMu.Lock()
	m.keys = keys
	m.outMu.Unlock()
	for _, p := range m.early {
		m.open(p.data, p.rtcp)
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
		m.open(packet, rtcp)
	case len(m.early) < earlyPackets:
		m.early = append(m.early, earlyPacket{bytes.Clone(packet), rtcp})
	default:
		m.unreadable()
	}
}

// open passes a packet on: to who has the opener, else decrypted here. inMu is held.
func (m *srtpMedia) open(packet []byte, rtcp bool) {
	if !m.conn.inbound.takeCopy(packet) {
		m.decrypt(packet, rtcp)
	}
}

// decrypt passes a packet on, decrypted in its place. inMu is held.
func (m *srtpMedia) decrypt(packet []byte, rtcp bool) {
	if m.in == nil {
		var err error
		m.in, err = pion.CreateContext(m.keys.Keys.RemoteMasterKey, m.keys.Keys.RemoteMasterSalt, m.keys.Profile,
			pion.SRTPReplayProtection(replayWindow), pion.SRTCPReplayProtection(replayWindow))
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
		m.conn.inbound.plain(binary.BigEndian.Uint32(plain[4:]), plain, true)
		return
	}
	plain, err := m.in.DecryptRTP(packet, packet, nil)
	if err != nil {
		m.unreadable()
		return
	}
	m.conn.inbound.plain(binary.BigEndian.Uint32(plain[8:]), plain, false)
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
		m.out, err = pion.CreateContext(m.keys.Keys.LocalMasterKey, m.keys.Keys.LocalMasterSalt, m.keys.Profile)
		if err != nil {
			return fmt.Errorf("set up SRTP: %w", err)
		}
		m.sealed = make([]byte, forwarder.MaxPacket+overhead)
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

// secure has package srtp protect what both sides send, who are the server and the client of DTLS.
func (c *Conn) secure(p srtp.Profile, keys *pion.SessionKeys) error {
	opener, err := srtp.NewOpener(p, srtp.Keys{Key: keys.RemoteMasterKey, Salt: keys.RemoteMasterSalt}, 2*c.engine.cfg.MaxSSRCs)
	if err != nil {
		return fmt.Errorf("use the client's keys: %w", err)
	}
	sealer, err := srtp.NewSealer(p, srtp.Keys{Key: keys.LocalMasterKey, Salt: keys.LocalMasterSalt})
	if err != nil {
		return fmt.Errorf("use our keys: %w", err)
	}
	c.inbound.secure(opener)
	c.writer.secure(sealer)
	return nil
}
