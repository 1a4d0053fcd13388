package srtp

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// checkRefused fails unless a packet that nobody sealed ended in one of the errors for that.
func checkRefused(t *testing.T, before, packet, got []byte, err error) {
	t.Helper()
	switch {
	case got != nil:
		t.Fatalf("opened %x", before)
	case errors.Is(err, ErrShort) || errors.Is(err, ErrReplay):
		if !bytes.Equal(before, packet) {
			t.Fatalf("%v, and the packet was changed", err)
		}
	case !errors.Is(err, ErrAuthentication):
		t.Fatalf("error %v", err)
	}
}

// FuzzOpen gives bytes that nobody sealed to an opener that knows the stream of SSRC 0.
func FuzzOpen(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 28))
	f.Add(append([]byte{0x9F, 96, 0, 1}, make([]byte, 200)...))
	for _, v := range vectors {
		f.Add(unhex(f, v.rtp))
		f.Add(unhex(f, v.rtcp))
		f.Add(unhex(f, v.taggedRTCP))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		sealer, opener := pair(t, AES128GCM, 2)
		must(opener.OpenRTP(sealIndex(sealer, plainHeader(0, 1), nil, 1)))
		must(opener.OpenRTCP(must(sealer.SealRTCP(make([]byte, 100), make([]byte, 8)))))
		before := snapshotOf(opener)
		for _, open := range []func([]byte) ([]byte, error){opener.OpenRTP, opener.OpenRTCP} {
			packet := slices.Clone(data)
			got, err := open(packet)
			checkRefused(t, data, packet, got, err)
		}
		if !snapshotOf(opener).equal(before) {
			t.Fatal("what nobody sealed changed what is known of streams")
		}
	})
}

// mutate changes packet by script, three bytes a change: where, how, with what. It reports whether anything is different.
func mutate(packet, script []byte) ([]byte, bool) {
	changed := slices.Clone(packet)
	for ; len(script) >= 3 && len(changed) > 0; script = script[3:] {
		// Most of what is looked at stands in the first and the last bytes.
		at := int(script[0])
		if script[1]&1 != 0 {
			at = len(changed) - 1 - at%len(changed)
		}
		at %= len(changed)
		switch script[1] >> 1 % 5 {
		case 0:
			changed[at] ^= script[2]
		case 1:
			changed = changed[:at]
		case 2:
			changed = slices.Insert(changed, at, script[2])
		case 3:
			changed = slices.Delete(changed, at, at+1)
		case 4:
			changed = append(changed, changed[:at]...)
		}
	}
	return changed, !bytes.Equal(changed, packet)
}

// FuzzOpenSealed gives sealed and then changed packets to an opener. What is intact is opened once, what is not is refused.
func FuzzOpenSealed(f *testing.F) {
	f.Add(uint64(1), uint32(7), uint64(5), []byte{})
	f.Add(uint64(2), uint32(7), uint64(1<<16), []byte{0, 0, 0x10})
	f.Add(uint64(3), uint32(0), uint64(1<<16-1), []byte{3, 0, 1, 3, 0, 1})
	f.Add(uint64(4), uint32(7), uint64(9), []byte{0, 1, 0x80})
	f.Add(uint64(5), uint32(7), uint64(9), []byte{20, 2, 0})
	f.Add(uint64(6), uint32(7), uint64(9), []byte{3, 9, 0x80, 10, 4, 0x33, 12, 6, 0})
	f.Fuzz(func(t *testing.T, seed uint64, ssrc uint32, index uint64, script []byte) {
		rng := rand.New(rand.NewPCG(seed, 23))
		sealer, opener := pair(t, AES256GCM, 2)
		index %= 2 << 16 // of a first packet that can be opened
		header, payload := randomRTP(rng, ssrc, uint16(index))
		plainRTCP := randomRTCP(rng, ssrc)
		sealer.nextIndex = uint32(index)
		for _, test := range []struct {
			plain, sealed []byte
			open          func([]byte) ([]byte, error)
		}{
			{slices.Concat(header, payload), sealIndex(sealer, header, payload, index), opener.OpenRTP},
			{plainRTCP, must(sealer.SealRTCP(make([]byte, 2000), plainRTCP)), opener.OpenRTCP},
		} {
			if damaged, different := mutate(test.sealed, script); different {
				before, packet := snapshotOf(opener), slices.Clone(damaged)
				got, err := test.open(packet)
				checkRefused(t, damaged, packet, got, err)
				if !snapshotOf(opener).equal(before) {
					t.Fatal("a changed packet changed what is known of streams")
				}
			}
			got, err := test.open(slices.Clone(test.sealed))
			if err != nil || !bytes.Equal(got, test.plain) {
				t.Fatalf("intact: error %v", err)
			}
			if _, err := test.open(slices.Clone(test.sealed)); !errors.Is(err, ErrReplay) {
				t.Fatalf("again: error %v", err)
			}
		}
	})
}
