package srtp

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	pion "github.com/pion/srtp/v3"
)

// pionContext is one end of a direction in pion's implementation.
func pionContext(tb testing.TB, p Profile, options ...pion.ContextOption) *pion.Context {
	tb.Helper()
	keys := testKeys(p)
	c, err := pion.CreateContext(keys.Key, keys.Salt, pion.ProtectionProfile(p), options...)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// journey returns packets of several SSRCs that begin before a roll-over, the last one beyond the second.
func journey(rng *rand.Rand) []transit {
	var packets []transit
	for _, ssrc := range []uint32{1, 0x80000001, 0xFFFFFFFF} {
		index := uint64(1<<16 - 1 - rng.IntN(200))
		for range 400 {
			header, payload := randomRTP(rng, ssrc, uint16(index))
			packets = append(packets, transit{ssrc: ssrc, index: index, plain: slices.Concat(header, payload)})
			index++
			if rng.IntN(5) == 0 && ssrc == 0xFFFFFFFF {
				index += rng.Uint64N(1500)
			}
		}
	}
	return packets
}

func TestPionOpensWhatWeSeal(t *testing.T) {
	for name, p := range profiles {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(10) {
				rng := rand.New(rand.NewPCG(seed, 17))
				sealer, _ := pair(t, p, 1)
				packets := journey(rng)
				first := map[uint32]bool{}
				var kept []transit
				for _, packet := range packets {
					size, _ := headerSize(packet.plain)
					packet.sealed = sealIndex(sealer, packet.plain[:size], packet.plain[size:], packet.index)
					kept = append(kept, packet)
				}
				context := pionContext(t, p, pion.SRTPNoReplayProtection())
				for _, arrived := range travel(rng, kept, 100) {
					// pion cannot find a stream whose packets before the roll-over are late.
					if !first[arrived.ssrc] && arrived.index >= 1<<16 {
						continue
					}
					first[arrived.ssrc] = true
					got, err := context.DecryptRTP(nil, arrived.sealed, nil)
					if err != nil || !bytes.Equal(got, arrived.plain) {
						t.Fatalf("seed %d: %d of %#x: error %v", seed, arrived.index, arrived.ssrc, err)
					}
				}
				for range 100 {
					plain := randomRTCP(rng, rng.Uint32N(3))
					sealed := must(sealer.SealRTCP(make([]byte, 2000), plain))
					got, err := context.DecryptRTCP(nil, sealed, nil)
					if err != nil || !bytes.Equal(got, plain) {
						t.Fatalf("seed %d: RTCP: error %v", seed, err)
					}
				}
			}
		})
	}
}

func TestWeOpenWhatPionSeals(t *testing.T) {
	for name, p := range profiles {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(10) {
				rng := rand.New(rand.NewPCG(seed, 19))
				_, opener := pair(t, p, 3)
				context := pionContext(t, p)
				packets := journey(rng)
				for i := range packets {
					packets[i].sealed = must(context.EncryptRTP(nil, packets[i].plain, nil))
				}
				seen := map[*byte]bool{}
				for _, arrived := range travel(rng, packets, windowSize-1) {
					if seen[&arrived.sealed[0]] {
						continue
					}
					seen[&arrived.sealed[0]] = true
					got, err := opener.OpenRTP(slices.Clone(arrived.sealed))
					if err != nil || !bytes.Equal(got, arrived.plain) {
						t.Fatalf("seed %d: %d of %#x: error %v", seed, arrived.index, arrived.ssrc, err)
					}
				}
				tagging := pionContext(t, p, pion.SRTCPNoEncryption())
				for i := range uint32(100) {
					// SSRCs of their own, for the indices are the same.
					for j, c := range []*pion.Context{context, tagging} {
						plain := randomRTCP(rng, uint32(j))
						got, err := opener.OpenRTCP(must(c.EncryptRTCP(nil, plain, nil)))
						if err != nil || !bytes.Equal(got, plain) {
							t.Fatalf("seed %d: RTCP packet %d, context %d: error %v", seed, i, j, err)
						}
					}
				}
			}
		})
	}
}
