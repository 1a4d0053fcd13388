package synthetic

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"sfu/pkg/codec"
)

func stamped(size int, sequence uint64) ([]byte, Stamp) {
	s := Stamp{Publisher: 0x0123456789abcdef, Encoding: 2, Temporal: 1, Codec: codec.AV1, Sequence: sequence, Sent: time.Unix(1_700_000_000, 123_456_789)}
	body := make([]byte, size)
	fill(body[:size-StampSize], sequence)
	s.Seal(body)
	return body, s
}

func TestStamp(t *testing.T) {
	for _, size := range []int{StampSize, StampSize + 1, 80, 1140, 5000} {
		body, want := stamped(size, 1<<40)
		for _, head := range []int{0, 1, 4, 6} { // whatever is in front
			got, err := ReadStamp(append(bytes.Repeat([]byte{0xff}, head), body...))
			if err != nil || got != want {
				t.Errorf("%d bytes behind %d: %+v, %v", size, head, got, err)
			}
		}
	}
}

func TestStampDamage(t *testing.T) {
	body, want := stamped(200, 5)
	for i := range body {
		for bit := range 8 {
			b := bytes.Clone(body)
			b[i] ^= 1 << bit
			if got, err := ReadStamp(b); err == nil {
				t.Fatalf("byte %d bit %d: %+v", i, bit, got)
			}
		}
	}
	if _, err := ReadStamp(body[1:]); !errors.Is(err, ErrDamaged) {
		t.Errorf("beginning cut: %v", err)
	}
	for n := range body {
		if _, err := ReadStamp(body[:n]); err == nil {
			t.Fatalf("cut to %d bytes and no error", n)
		}
	}
	if got, _ := ReadStamp(body); got != want {
		t.Error("the undamaged payload does not read")
	}
}

func FuzzReadStamp(f *testing.F) {
	body, _ := stamped(100, 1)
	f.Add(body)
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := ReadStamp(b); err != nil && s != (Stamp{}) {
			t.Errorf("%v left %+v", err, s)
		}
	})
}
