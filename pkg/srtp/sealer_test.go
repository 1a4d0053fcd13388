package srtp

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

func TestSealInPlace(t *testing.T) {
	sealer, opener := pair(t, AES128GCM, 8)
	rng := rand.New(rand.NewPCG(3, 3))
	for seq := range uint16(200) {
		header, payload := randomRTP(rng, 9, seq)
		elsewhere := sealIndex(sealer, header, payload, uint64(seq))

		slot := make([]byte, 3000)
		copy(slot[len(header):], payload)
		inPlace := sealer.SealRTP(slot, header, slot[len(header):len(header)+len(payload)], 0)
		if !bytes.Equal(inPlace, elsewhere) || &inPlace[0] != &slot[0] {
			t.Fatalf("packet %d: in place\n%x\nelsewhere\n%x", seq, inPlace, elsewhere)
		}
		slot = append(append(make([]byte, 0, 3000), header...), payload...)
		inPlace = sealer.SealRTP(slot, slot[:len(header)], slot[len(header):], 0)
		if !bytes.Equal(inPlace, elsewhere) {
			t.Fatalf("packet %d: all in place\n%x\nelsewhere\n%x", seq, inPlace, elsewhere)
		}
		if got, err := opener.OpenRTP(inPlace); err != nil || !bytes.Equal(got, append(header, payload...)) || &got[0] != &slot[0] {
			t.Fatalf("packet %d: opened with error %v", seq, err)
		}
	}
	other, _ := pair(t, AES128GCM, 1)
	for i := range 100 {
		packet := randomRTCP(rng, 9)
		elsewhere, err := sealer.SealRTCP(make([]byte, 0, 3000), packet)
		if err != nil {
			t.Fatal(err)
		}
		slot := append(make([]byte, 0, 3000), packet...)
		inPlace, err := other.SealRTCP(slot, slot)
		if err != nil || !bytes.Equal(inPlace, elsewhere) {
			t.Fatalf("packet %d: error %v, in place\n%x\nelsewhere\n%x", i, err, inPlace, elsewhere)
		}
	}
}

func TestSealPanics(t *testing.T) {
	sealer, _ := pair(t, AES128GCM, 1)
	header := plainHeader(1, 1)
	slot := make([]byte, 200)
	for name, call := range map[string]func(){
		"destination too small": func() { sealer.SealRTP(make([]byte, 0, 12+10+Overhead-1), header, make([]byte, 10), 0) },
		"header too short":      func() { sealer.SealRTP(slot, header[:11], make([]byte, 10), 0) },
		"other overlap":         func() { sealer.SealRTP(slot, header, slot[13:50], 0) },
		"RTCP, too small":       func() { _, _ = sealer.SealRTCP(make([]byte, 0, 8+OverheadRTCP-1), header[:8]) },
		"RTCP, other overlap":   func() { _, _ = sealer.SealRTCP(slot, slot[1:50]) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			call()
		})
	}
}

func TestSealRTCPNeverUsesAnIndexTwice(t *testing.T) {
	sealer, opener := pair(t, AES256GCM, 1)
	packet := randomRTCP(rand.New(rand.NewPCG(1, 1)), 5)
	seal := func() ([]byte, error) { return sealer.SealRTCP(make([]byte, 0, len(packet)+OverheadRTCP), packet) }
	if _, err := sealer.SealRTCP(make([]byte, 100), packet[:7]); !errors.Is(err, ErrShort) {
		t.Errorf("7 bytes: %v", err)
	}
	for _, want := range []uint32{0, 1, 2, maxIndexRTCP - 1, maxIndexRTCP} {
		if want == maxIndexRTCP-1 {
			sealer.nextIndex = want
		}
		sealed, err := seal()
		if err != nil {
			t.Fatal(err)
		}
		if got := sealed[len(sealed)-4:]; !bytes.Equal(got, []byte{byte(want>>24) | 0x80, byte(want >> 16), byte(want >> 8), byte(want)}) {
			t.Errorf("index %d: %x at the end", want, got)
		}
		if got, err := opener.OpenRTCP(sealed); err != nil || !bytes.Equal(got, packet) {
			t.Errorf("index %d: opened with error %v", want, err)
		}
	}
	for range 3 {
		if sealed, err := seal(); !errors.Is(err, ErrExhausted) || sealed != nil {
			t.Fatalf("after the last index: %x, %v", sealed, err)
		}
	}
}
