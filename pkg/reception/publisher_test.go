package reception

import (
	"testing"
	"time"

	"sfu/pkg/codec"
	"sfu/pkg/synthetic"
)

// stamped returns a payload with a stamp.
func stamped(publisher, sequence uint64, encoding uint8) []byte {
	body := make([]byte, 20+synthetic.StampSize)
	synthetic.Stamp{Publisher: publisher, Encoding: encoding, Codec: codec.VP8, Sequence: sequence, Sent: time.Unix(0, 0)}.Seal(body[10:])
	body[0] = 0x10 // the begin of a VP8 partition
	return body
}

func TestWhatComesOfAPublisherIsCountedOverPeerConnections(t *testing.T) {
	const x, y = 7, 8
	r := New(Config{})
	began := time.Now()
	ms := func(n int) time.Time { return began.Add(time.Duration(n) * time.Millisecond) }
	rtp := uint16(0)
	come := func(publisher, sequence uint64, encoding uint8, at int) {
		rtp++
		r.RTP(packetOf(t, 96, ssrc, rtp, stamped(publisher, sequence, encoding)), ms(at))
	}
	r.Configure([]Line{lineOf(codec.VP8)})
	if _, ok := r.Publisher(x); ok {
		t.Error("someone was heard before anything came")
	}
	come(x, 100, 0, 0)
	come(x, 101, 0, 40)
	come(x, 103, 0, 60)
	come(y, 5, 0, 70)
	// Another PeerConnection: the same line, other numbers. Meanwhile 6 packets were sent.
	r.Renew()
	r.Configure([]Line{lineOf(codec.VP8)})
	rtp = 900
	come(x, 110, 0, 560)
	come(x, 109, 0, 570) // late
	come(y, 9, 1, 600)
	come(x, 111, 0, 580)
	if p, _ := r.Publisher(x); p.Packets != 6 || p.LongestGap != 500*time.Millisecond || p.MissingInGap != 6 || !p.GapEnd.Equal(ms(560)) ||
		!p.First.Equal(ms(0)) || !p.Last.Equal(ms(580)) {
		t.Errorf("%+v", p)
	}
	// Between two encodings nobody knows what is missing.
	if p, _ := r.Publisher(y); p.Packets != 2 || p.LongestGap != 530*time.Millisecond || p.MissingInGap != 0 {
		t.Errorf("%+v", p)
	}
	if s := r.Stats(); len(s) != 1 || s[0].Packets != 4 || s[0].Lost != 0 {
		t.Errorf("the lines of the new PeerConnection: %+v", s)
	}
	r.ResetGaps()
	come(x, 112, 0, 700)
	if p, _ := r.Publisher(x); p.LongestGap != 120*time.Millisecond || p.MissingInGap != 0 {
		t.Errorf("after the reset: %+v", p)
	}
}
