package srtp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// What Sealer and Opener return. They are returned as they are, never wrapped.
var (
	// ErrShort says that a packet is too short for what it claims to be, or for any packet. It was not changed.
	ErrShort = errors.New("packet is too short for SRTP")
	// ErrAuthentication says that the tag of a packet is wrong: it was damaged or forged, belongs to other keys, or bears another
	// roll-over counter than could be guessed. What came behind its header is lost.
	ErrAuthentication = errors.New("SRTP packet is not authentic")
	// ErrReplay says that a packet was opened before, or is so old that nobody knows. It was not changed.
	ErrReplay = errors.New("SRTP packet was replayed or is too old")
	// ErrExhausted says that the keys of a Sealer have protected as many RTCP packets as they may.
	ErrExhausted = errors.New("SRTCP index is used up")
)

// maxROC is the last roll-over counter (RFC 3711 section 3.3.1).
const maxROC = 1<<32 - 1

// An Opener verifies and decrypts the packets of one direction. It belongs to one goroutine at a time.
type Opener struct {
	rtp, rtcp     session
	rtpStreams    streams
	rtcpStreams   streams
	associated    [headerRTCP + wordSize]byte
	tag           [tagSize]byte
	secondGuesses budget
	ciphertext    []byte // of a packet that may have to be tried again, for a wrong guess destroys it
}

// NewOpener returns an Opener for what is received under master keys k, which are not kept. It remembers maxStreams SSRCs of RTP and
// as many of RTCP, at least 1. An error says that p is not supported, that k does not have its lengths, or that maxStreams is below 1.
func NewOpener(p Profile, k Keys, maxStreams int) (*Opener, error) {
	if maxStreams < 1 {
		return nil, fmt.Errorf("make opener: room for %d streams, want 1 or more", maxStreams)
	}
	rtp, rtcp, err := newSessions(p, k)
	if err != nil {
		return nil, fmt.Errorf("make opener: %w", err)
	}
	return &Opener{
		rtp: rtp, rtcp: rtcp,
		rtpStreams: streams{limit: maxStreams}, rtcpStreams: streams{limit: maxStreams},
		secondGuesses: budget{left: maxSecondGuesses},
	}, nil
}

// Made returns how many SSRCs of RTP were met so far; one that was forgotten counts again.
func (o *Opener) Made() uint64 { return o.rtpStreams.made }

// OpenRTP decrypts an SRTP packet in place and returns header and payload, which is packet without the tag (RFC 7714 section 8). The
// roll-over counter is guessed as in RFC 3711 appendix A; that of an SSRC's first packet is 0, or 1 in case the packets before were
// lost. A packet is opened once, and only if fewer than 1024 numbers lie between it and the highest one of its SSRC. The error is
// ErrShort, ErrReplay or ErrAuthentication, and no packet that ends in one leaves a trace in what the Opener knows of streams.
func (o *Opener) OpenRTP(packet []byte) ([]byte, error) {
	size, ok := headerSize(packet)
	if !ok || len(packet) < size+Overhead {
		return nil, ErrShort
	}
	seq, ssrc := binary.BigEndian.Uint16(packet[2:]), binary.BigEndian.Uint32(packet[8:])
	s := o.rtpStreams.find(ssrc)
	if s == nil {
		return o.openFirst(packet, size, ssrc, seq)
	}
	index := s.received.guess(seq)
	if s.received.has(index) {
		return nil, ErrReplay
	}
	if !o.openAt(packet, size, ssrc, index) {
		return nil, ErrAuthentication
	}
	o.rtpStreams.hear(s, index)
	return packet[:len(packet)-Overhead], nil
}

// openFirst opens a packet of an SSRC that is not known.
func (o *Opener) openFirst(packet []byte, size int, ssrc uint32, seq uint16) ([]byte, error) {
	index := uint64(seq)
	again := o.secondGuesses.allow(o.rtpStreams.packets)
	if again {
		o.ciphertext = append(o.ciphertext[:0], packet[size:]...)
	}
	if !o.openAt(packet, size, ssrc, index) {
		if !again {
			return nil, ErrAuthentication
		}
		copy(packet[size:], o.ciphertext)
		index |= 1 << 16
		if !o.openAt(packet, size, ssrc, index) {
			o.secondGuesses.spend()
			return nil, ErrAuthentication
		}
	}
	o.rtpStreams.hear(o.rtpStreams.add(ssrc), index)
	return packet[:len(packet)-Overhead], nil
}

// openAt decrypts packet behind its header of size bytes, if index is the one that it was sealed with.
func (o *Opener) openAt(packet []byte, size int, ssrc uint32, index uint64) bool {
	_, err := o.rtp.aead.Open(packet[size:size], o.rtp.nonceOf(ssrc, index), packet[size:], packet[:size])
	return err == nil
}

// OpenRTCP decrypts an SRTCP packet in place and returns the RTCP compound, which is packet without tag and index (RFC 7714 section
// 9). A packet whose E bit is 0 was authenticated but not encrypted, and is taken when its tag is right. Replays are told by the
// index of the packet as in OpenRTP. The error is ErrShort, ErrReplay or ErrAuthentication, and no packet that ends in one leaves a
// trace in what the Opener knows.
func (o *Opener) OpenRTCP(packet []byte) ([]byte, error) {
	if len(packet) < headerRTCP+OverheadRTCP {
		return nil, ErrShort
	}
	end := len(packet) - OverheadRTCP
	sealed, trailer := packet[:end+tagSize], packet[end+tagSize:]
	word := binary.BigEndian.Uint32(trailer)
	index, ssrc := uint64(word&^encrypted), binary.BigEndian.Uint32(packet[4:])
	s := o.rtcpStreams.find(ssrc)
	if s != nil && s.received.has(index) {
		return nil, ErrReplay
	}
	nonce := o.rtcp.nonceOf(ssrc, index)
	var err error
	if word&encrypted != 0 {
		copy(o.associated[:], packet[:headerRTCP])
		copy(o.associated[headerRTCP:], trailer)
		_, err = o.rtcp.aead.Open(packet[headerRTCP:headerRTCP], nonce, sealed[headerRTCP:], o.associated[:])
	} else {
		// What is authenticated is the compound and the last word, between which the tag stands (RFC 7714 section 9.3).
		copy(o.tag[:], sealed[end:])
		copy(packet[end:], trailer)
		_, err = o.rtcp.aead.Open(nil, nonce, o.tag[:], packet[:end+wordSize])
	}
	if err != nil {
		return nil, ErrAuthentication
	}
	if s == nil {
		s = o.rtcpStreams.add(ssrc)
	}
	o.rtcpStreams.hear(s, index)
	return packet[:end], nil
}

// headerSize returns how many bytes of packet its RTP header claims, CSRCs and extension with it (RFC 3550 section 5.1). ok is false
// when packet ends before that can be known; the header may still be longer than the packet.
func headerSize(packet []byte) (size int, ok bool) {
	if len(packet) < minHeader {
		return 0, false
	}
	size = minHeader + 4*int(packet[0]&0x0F)
	if packet[0]&0x10 == 0 {
		return size, true
	}
	if len(packet) < size+4 {
		return 0, false
	}
	return size + 4 + 4*int(binary.BigEndian.Uint16(packet[size+2:])), true
}
