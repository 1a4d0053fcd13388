package sfutest_test

import (
	"encoding/binary"
	"net"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/pion/dtls/v3"
	"github.com/pion/srtp/v3"

	"sfu/pkg/codec"
	"sfu/pkg/sfutest"
	"sfu/pkg/synthetic"
)

// arms are what an intruder attacks media with: its own SRTP keys and the socket whose address the server trusts.
type arms struct {
	udp    *net.UDPConn
	server *net.UDPAddr
	keys   *srtp.Context
	// ssrc and rtx are those of the camera as the offer named them; mid is its name and midID the header extension's id.
	ssrc, rtx uint32
	mid       string
	midID     byte

	sequence uint16
	// newest is the highest number that was sealed. SRTP takes none that is more than 64 below it.
	newest  uint16
	now     uint32 // timestamp
	picture uint16
	marks   uint64
}

// arm takes the keys out of the PeerConnection. What is sent with them looks to the server like what the PeerConnection sends.
func (i *intruder) arm() {
	i.t.Helper()
	transport := i.pc.SCTP().Transport()
	field := reflect.ValueOf(transport).Elem().FieldByName("conn")
	conn := reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem().Interface().(*dtls.Conn)
	state, ok := conn.ConnectionState()
	profile, agreed := conn.SelectedSRTPProtectionProfile()
	if !ok || !agreed {
		i.t.Fatal("DTLS is not done")
	}
	cfg := srtp.Config{Profile: srtp.ProtectionProfile(profile)}
	if err := cfg.ExtractSessionKeysFromDTLS(&state, true); err != nil {
		i.t.Fatal(err)
	}
	var err error
	if i.media.keys, err = srtp.CreateContext(cfg.Keys.LocalMasterKey, cfg.Keys.LocalMasterSalt, cfg.Profile); err != nil {
		i.t.Fatal(err)
	}
	i.media.midID = extensionID(i.t, i.pc.LocalDescription().SDP, midURI)
	i.media.sequence, i.media.newest, i.media.now = 1000, 1000, 90_000
	if i.camera != nil {
		encoding := i.camera.Sender().GetParameters().Encodings[0]
		i.media.ssrc, i.media.rtx, i.media.mid = uint32(encoding.SSRC), uint32(encoding.RTX.SSRC), i.camera.Mid()
	}
}

func extensionID(t testing.TB, sdp, uri string) byte {
	t.Helper()
	for line := range strings.SplitSeq(sdp, "\r\n") {
		if rest, ok := strings.CutPrefix(line, "a=extmap:"); ok && strings.HasSuffix(rest, " "+uri) {
			number, _, _ := strings.Cut(rest, " ")
			n, err := strconv.Atoi(number)
			if err != nil {
				t.Fatal(err)
			}
			return byte(n)
		}
	}
	t.Fatalf("no extension %s", uri)
	return 0
}

// slotSSRC is what the server sends the intruder on its first video slot.
func (i *intruder) slotSSRC() uint32 { return videoSSRC(i.t, i.answer.SDP) }

// videoSSRC returns the first SSRC of the first video m-line that sends.
func videoSSRC(t testing.TB, sdp string) uint32 {
	t.Helper()
	for _, media := range strings.Split(sdp, "m=")[1:] {
		if !strings.HasPrefix(media, "video") || !strings.Contains(media, "a=sendonly") {
			continue
		}
		_, rest, _ := strings.Cut(media, "a=ssrc:")
		number, _, _ := strings.Cut(rest, " ")
		if n, err := strconv.ParseUint(number, 10, 32); err == nil {
			return uint32(n)
		}
	}
	t.Fatalf("no SSRC of video in\n%s", sdp)
	return 0
}

// A rtpHeader is the fixed part of an RTP packet, with the mid if it is to say so.
type rtpHeader struct {
	payloadType byte
	marker      bool
	sequence    uint16
	timestamp   uint32
	ssrc        uint32
	mid         string
}

// packet writes an RTP packet in the clear.
func (a *arms) packet(h rtpHeader, payload []byte) []byte {
	b := []byte{2 << 6, h.payloadType}
	if h.marker {
		b[1] |= 0x80
	}
	b = binary.BigEndian.AppendUint16(b, h.sequence)
	b = binary.BigEndian.AppendUint32(b, h.timestamp)
	b = binary.BigEndian.AppendUint32(b, h.ssrc)
	if h.mid != "" {
		b[0] |= 0x10
		b = append(b, 0xBE, 0xDE, 0, byte(len(h.mid)+4)/4, a.midID<<4|byte(len(h.mid)-1))
		b = append(b, h.mid...)
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	return append(b, payload...)
}

// seal encrypts an RTP packet.
func (i *intruder) seal(plain []byte) []byte {
	i.t.Helper()
	sealed, err := i.media.keys.EncryptRTP(nil, plain, nil)
	if err != nil {
		i.t.Fatal(err)
	}
	sequence := binary.BigEndian.Uint16(plain[2:])
	if binary.BigEndian.Uint32(plain[8:]) == i.media.ssrc && int16(sequence-i.media.newest) > 0 {
		i.media.newest = sequence
	}
	return sealed
}

// sendRTP encrypts and sends an RTP packet.
func (i *intruder) sendRTP(plain []byte) {
	i.t.Helper()
	i.sendRaw(i.seal(plain))
}

// sendRTCP encrypts and sends an RTCP compound.
func (i *intruder) sendRTCP(plain []byte) {
	i.t.Helper()
	sealed, err := i.media.keys.EncryptRTCP(nil, plain, nil)
	if err != nil {
		i.t.Fatal(err)
	}
	i.sendRaw(sealed)
}

// sendRaw sends a datagram from the address that the server knows.
func (i *intruder) sendRaw(datagram []byte) {
	i.t.Helper()
	if _, err := i.media.udp.WriteToUDP(datagram, i.media.server); err != nil {
		i.t.Fatal(err)
	}
}

// markMagic comes before the number that tells an intruder's payloads apart, see witness.
var markMagic = []byte("intruder")

// mark ends a payload with the next number.
func (a *arms) mark(payload []byte) []byte {
	a.marks++
	return binary.BigEndian.AppendUint64(append(payload, markMagic...), a.marks)
}

// vp8 is a VP8 payload of about size bytes, a whole frame.
func (a *arms) vp8(key bool, size int) []byte {
	a.picture = (a.picture + 1) & 0x7FFF
	b := []byte{0x90, 0x80, 0x80 | byte(a.picture>>8), byte(a.picture), 0x11, 0, 0}
	if key {
		b[4] = 0x10
		b = append(b, 0x9D, 0x01, 0x2A, 0x40, 0x01, 0xB4, 0x00)
	}
	for len(b) < size {
		b = append(b, 0x55)
	}
	return a.mark(b)
}

// next is the header of the camera's next packet, a frame of its own.
func (a *arms) next() rtpHeader {
	a.sequence++
	a.now += 3000
	return rtpHeader{payloadType: vp8Type, marker: true, sequence: a.sequence, timestamp: a.now, ssrc: a.ssrc}
}

// behave sends honest video, every tenth frame a keyframe, until a viewer got some of it.
func (i *intruder) behave(w *witness) {
	i.t.Helper()
	before := w.count()
	n := 0
	i.media.sequence = i.media.newest
	sfutest.Eventually(i.t, "the intruder's honest frames arrive", func() bool {
		i.sendRTP(i.media.packet(i.media.next(), i.media.vp8(n%10 == 0, 100)))
		n++
		return w.count() > before+20
	})
}

// pacer lets an attack go at a rate that leaves the machine to the honest: bursts of packets, with pauses between them.
type pacer struct{ packets int }

// burst is how many packets go between two pauses of burstPause: 2500 packets a second at most.
const (
	burst      = 25
	burstPause = 10 * time.Millisecond
)

func (p *pacer) wait() {
	if p.packets++; p.packets%burst == 0 {
		<-time.After(burstPause)
	}
}

// stamped is a VP8 keyframe of exactly size bytes that a receiver can check for damage.
func (a *arms) stamped(size int) []byte {
	head := a.vp8(true, 0)[:14]
	body := make([]byte, size-len(head))
	synthetic.Stamp{Publisher: 666, Codec: codec.VP8, Sent: time.Now()}.Seal(body)
	return append(head, body...)
}
