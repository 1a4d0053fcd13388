package srtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// Whatever a network does to packets within the window, each one is opened exactly once.
func TestEveryPacketIsOpenedOnce(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 11))
		p := AES128GCM
		if seed%2 != 0 {
			p = AES256GCM
		}
		sealer, opener := pair(t, p, 3)
		var packets []transit
		for _, ssrc := range []uint32{1, 0x80000001, rng.Uint32()} {
			// Up to 1024 packets before the first roll-over, or anywhere.
			index := uint64(1<<16-1) - rng.Uint64N(1024)
			if rng.IntN(2) == 0 {
				index = rng.Uint64N(1 << 16)
			}
			for range 500 {
				header, payload := randomRTP(rng, ssrc, uint16(index))
				packets = append(packets, transit{
					ssrc: ssrc, index: index, plain: slices.Concat(header, payload), sealed: sealIndex(sealer, header, payload, index),
				})
				index++
				if rng.IntN(20) == 0 {
					index += rng.Uint64N(2000)
				}
			}
		}
		type key struct {
			ssrc  uint32
			index uint64
		}
		opened := map[key]bool{}
		for _, arrived := range travel(rng, packets, windowSize-1) {
			k := key{arrived.ssrc, arrived.index}
			packet := slices.Clone(arrived.sealed)
			got, err := opener.OpenRTP(packet)
			if opened[k] {
				if !errors.Is(err, ErrReplay) || !bytes.Equal(packet, arrived.sealed) {
					t.Fatalf("seed %d: %d of %#x for the second time: error %v", seed, k.index, k.ssrc, err)
				}
				continue
			}
			if err != nil || !bytes.Equal(got, arrived.plain) {
				t.Fatalf("seed %d: %d of %#x: error %v", seed, k.index, k.ssrc, err)
			}
			opened[k] = true
		}
		if len(opened) < 900 {
			t.Fatalf("seed %d: %d packets opened", seed, len(opened))
		}
	}
}

func TestEveryRTCPPacketIsOpenedOnce(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 13))
		sealer, opener := pair(t, AES256GCM, 3)
		sealer.nextIndex = rng.Uint32N(maxIndexRTCP - 2000)
		var packets []transit
		for range 1000 {
			ssrc := 1 + rng.Uint32N(3)
			plain, index := randomRTCP(rng, ssrc), uint64(sealer.nextIndex)
			sealed, err := sealer.SealRTCP(make([]byte, 0, len(plain)+OverheadRTCP), plain)
			if err != nil {
				t.Fatal(err)
			}
			packets = append(packets, transit{ssrc: ssrc, index: index, plain: plain, sealed: sealed})
		}
		opened := map[uint64]bool{}
		for _, arrived := range travel(rng, packets, windowSize-1) {
			got, err := opener.OpenRTCP(slices.Clone(arrived.sealed))
			switch {
			case opened[arrived.index] && !errors.Is(err, ErrReplay):
				t.Fatalf("seed %d: %d for the second time: error %v", seed, arrived.index, err)
			case !opened[arrived.index] && (err != nil || !bytes.Equal(got, arrived.plain)):
				t.Fatalf("seed %d: %d: error %v", seed, arrived.index, err)
			}
			opened[arrived.index] = true
		}
	}
}

// TestRollOverCounterOfFirstPackets has packets open or not, in the order in which they arrive at an opener that knows nothing.
func TestRollOverCounterOfFirstPackets(t *testing.T) {
	const cycle = 1 << 16
	type step struct {
		index uint64
		want  error
	}
	for name, steps := range map[string][]step{
		"from the beginning":               {{5, nil}, {6, nil}, {5, ErrReplay}},
		"across the roll-over":             {{cycle - 1, nil}, {cycle, nil}, {cycle - 2, nil}},
		"those before it lost":             {{cycle, nil}, {cycle + 1, nil}},
		"those before it late":             {{cycle + 3, nil}, {cycle - 1, nil}, {cycle + 2, nil}, {cycle - 1, ErrReplay}},
		"the first is late, no roll-over":  {{3, nil}, {2, nil}, {0, nil}, {0, ErrReplay}},
		"too old":                          {{2000, nil}, {2000 - windowSize + 1, nil}, {2000 - windowSize, ErrReplay}},
		"far ahead of a low first":         {{3, nil}, {cycle - 1, nil}, {cycle + 9, nil}},
		"two cycles in":                    {{2 * cycle, ErrAuthentication}, {2*cycle + 1, ErrAuthentication}},
		"jump of half a cycle":             {{100, nil}, {100 + cycle/2, nil}, {99 + cycle, nil}},
		"jump of more than half a cycle":   {{40000, nil}, {40001 + cycle/2, ErrReplay}, {40001, nil}},
		"steps of less through two cycles": {{1, nil}, {30000, nil}, {60000, nil}, {90000, nil}, {120000, nil}, {150000, nil}, {149999, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			sealer, opener := pair(t, AES128GCM, 1)
			for _, s := range steps {
				sealed := sealIndex(sealer, plainHeader(7, uint16(s.index)), []byte("payload"), s.index)
				if _, err := opener.OpenRTP(sealed); !errors.Is(err, s.want) {
					t.Fatalf("%#x: error %v, want %v", s.index, err, s.want)
				}
			}
		})
	}
}

func TestCounterNeverWraps(t *testing.T) {
	sealer, opener := pair(t, AES128GCM, 1)
	open := func(index uint64) error {
		_, err := opener.OpenRTP(sealIndex(sealer, plainHeader(7, uint16(index)), nil, index))
		return err
	}
	if err := open(1); err != nil {
		t.Fatal(err)
	}
	opener.rtpStreams.states[0].received.add(maxROC<<16 | 0xFFFE)
	if err := open(maxROC<<16 | 0xFFFF); err != nil {
		t.Fatalf("the last packet: %v", err)
	}
	if err := open(1 << 48); err == nil {
		t.Fatal("a packet of counter 0 after the last one")
	}
	if err := open(1); err == nil {
		t.Fatal("the first packet again after the last one")
	}
}

// Forged packets use up the second guesses, but lock nobody out for good.
func TestSecondGuessesComeBack(t *testing.T) {
	sealer, opener := pair(t, AES128GCM, 4)
	for i := range uint32(10 * maxSecondGuesses) {
		if _, err := opener.OpenRTP(append(plainHeader(1000+i, 5), make([]byte, 50)...)); !errors.Is(err, ErrAuthentication) {
			t.Fatal(err)
		}
	}
	lost := 0
	for index := uint64(1 << 16); ; index++ {
		_, err := opener.OpenRTP(sealIndex(sealer, plainHeader(7, uint16(index)), []byte("payload"), index))
		if err == nil {
			break
		}
		lost++
		if lost > packetsPerGuess {
			t.Fatal("never opened")
		}
	}
	if lost == 0 {
		t.Error("forgeries cost no guesses")
	}
}

// A packet with any one bit changed is refused and leaves no trace, at an opener that knows its stream and at one that does not.
func TestFlippedBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for name, p := range profiles {
		for _, known := range []bool{false, true} {
			sealer, opener := pair(t, p, 4)
			if known {
				for seq := range uint16(5) {
					if _, err := opener.OpenRTP(sealIndex(sealer, plainHeader(7, seq), nil, uint64(seq))); err != nil {
						t.Fatal(err)
					}
					if _, err := opener.OpenRTCP(must(sealer.SealRTCP(make([]byte, 500), append([]byte{0x80, 201, 0, 1}, 0, 0, 0, 7)))); err != nil {
						t.Fatal(err)
					}
				}
			}
			header := append(plainHeader(7, 20), 1, 2, 3, 4, 0xBE, 0xDE, 0, 1, 0x50, 7, 0, 0)
			header[0] |= 0x11
			sealed := sealIndex(sealer, header, randomBytes(rng, 40), 20)
			sealedRTCP := must(sealer.SealRTCP(make([]byte, 500), append([]byte{0x80, 201, 0, 11, 0, 0, 0, 7}, randomBytes(rng, 40)...)))
			for _, test := range []struct {
				sealed []byte
				open   func([]byte) ([]byte, error)
			}{{sealed, opener.OpenRTP}, {sealedRTCP, opener.OpenRTCP}} {
				before := snapshotOf(opener)
				for bit := range 8 * len(test.sealed) {
					damaged := slices.Clone(test.sealed)
					damaged[bit/8] ^= 1 << (bit % 8)
					if got, err := test.open(damaged); err == nil || got != nil {
						t.Fatalf("%s: bit %d flipped, opened %x, error %v", name, bit, got, err)
					}
				}
				for n := range test.sealed {
					if got, err := test.open(slices.Clone(test.sealed[:n])); err == nil || got != nil {
						t.Fatalf("%s: cut to %d bytes, opened %x, error %v", name, n, got, err)
					}
				}
				if !snapshotOf(opener).equal(before) {
					t.Fatalf("%s: damaged packets changed what is known of streams", name)
				}
				if _, err := test.open(test.sealed); err != nil {
					t.Fatalf("%s: intact: %v", name, err)
				}
			}
		}
	}
}

// must is for calls that the test cannot go on without.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestShort(t *testing.T) {
	_, opener := pair(t, AES128GCM, 1)
	with := func(first byte, n int) []byte {
		b := make([]byte, n)
		b[0] = first
		return b
	}
	extension := with(0x90, 12+4+8+16)
	binary.BigEndian.PutUint16(extension[14:], 2)
	long := slices.Clone(extension)
	binary.BigEndian.PutUint16(long[14:], 0xFFFF)
	for name, test := range map[string]struct {
		packet []byte
		want   error
	}{
		"nothing":                     {nil, ErrShort},
		"11 bytes":                    {with(0x80, 11), ErrShort},
		"half a tag":                  {with(0x80, 27), ErrShort},
		"a tag and nothing else":      {with(0x80, 28), ErrAuthentication},
		"CSRCs beyond the end":        {with(0x8F, 12+59+16), ErrShort},
		"CSRCs up to the tag":         {with(0x8F, 12+60+16), ErrAuthentication},
		"extension cut in its head":   {with(0x90, 15), ErrShort},
		"extension up to the tag":     {extension, ErrAuthentication},
		"extension one byte too long": {extension[:len(extension)-1], ErrShort},
		"extension of 256 kB":         {long, ErrShort},
	} {
		before := slices.Clone(test.packet)
		if got, err := opener.OpenRTP(test.packet); !errors.Is(err, test.want) || got != nil {
			t.Errorf("%s: %x, error %v, want %v", name, got, err, test.want)
		}
		if test.want == ErrShort && !bytes.Equal(before, test.packet) {
			t.Errorf("%s: the packet was changed", name)
		}
	}
	for n := range 8 + OverheadRTCP {
		if _, err := opener.OpenRTCP(make([]byte, n)); !errors.Is(err, ErrShort) {
			t.Errorf("RTCP of %d bytes: %v", n, err)
		}
	}
	if _, err := opener.OpenRTCP(make([]byte, 8+OverheadRTCP)); !errors.Is(err, ErrAuthentication) {
		t.Error(err)
	}
}

// The keys of RTP and RTCP differ, and so do those of both directions.
func TestKeysAreApart(t *testing.T) {
	sealer, opener := pair(t, AES128GCM, 1)
	keys := testKeys(AES128GCM)
	keys.Key[0]++
	other, err := NewOpener(AES128GCM, keys, 1)
	if err != nil {
		t.Fatal(err)
	}
	packet := must(sealer.SealRTCP(make([]byte, 200), append([]byte{0x80, 201, 0, 1, 0, 0, 0, 7}, make([]byte, 20)...)))
	if _, err := opener.OpenRTP(slices.Clone(packet)); !errors.Is(err, ErrAuthentication) {
		t.Errorf("RTCP as RTP: %v", err)
	}
	if _, err := other.OpenRTCP(packet); !errors.Is(err, ErrAuthentication) {
		t.Errorf("other keys: %v", err)
	}
	if _, err := other.OpenRTP(sealIndex(sealer, plainHeader(7, 1), []byte("payload"), 1)); !errors.Is(err, ErrAuthentication) {
		t.Errorf("other keys: %v", err)
	}
}

// An authentic packet of one stream too many replaces the stream that was silent longest; that one is then new again.
func TestOneStreamTooMany(t *testing.T) {
	sealer, opener := pair(t, AES128GCM, 2)
	open := func(ssrc uint32, seq uint16) error {
		_, err := opener.OpenRTP(sealIndex(sealer, plainHeader(ssrc, seq), []byte("payload"), uint64(seq)))
		return err
	}
	for i, s := range []struct {
		ssrc uint32
		seq  uint16
		want error
	}{
		{1, 1, nil}, {2, 1, nil}, {1, 2, nil},
		{3, 1, nil}, {1, 1, ErrReplay}, {3, 1, ErrReplay}, {1, 3, nil}, // 2 is forgotten
		{2, 1, nil}, {1, 3, ErrReplay}, {3, 1, nil}, // 3 was
	} {
		if err := open(s.ssrc, s.seq); !errors.Is(err, s.want) {
			t.Fatalf("step %d: error %v, want %v", i, err, s.want)
		}
	}
	if len(opener.rtpStreams.states) != 2 {
		t.Errorf("%d streams", len(opener.rtpStreams.states))
	}
}
