package srtp

import (
	"bytes"
	"crypto/aes"
	"encoding/hex"
	"strings"
	"testing"
)

// unhex reads hexadecimal digits with white space between them.
func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// TestDerive are the vectors of RFC 3711 appendix B.3 and RFC 6188 section 7.
func TestDerive(t *testing.T) {
	const (
		key128  = "E1F97A0D3E018BE0D64FA32C06DE4139"
		salt128 = "0EC675AD498AFEEBB6960B3AABE6"
		key256  = "f0f04914b513f2763a1b1fa130f10e29 98f6f6e43e4309d1e622a0e332b9f1b6"
		salt256 = "3b04803de51ee7c96423ab5b78d2"
	)
	for name, v := range map[string]struct {
		key, salt string
		label     byte
		want      string
	}{
		"128 bits, cipher key": {key128, salt128, 0, "C61E7A93744F39EE10734AFE3FF7A087"},
		"128 bits, salt":       {key128, salt128, 2, "30CBBC08863D8C85D49DB34A9AE1"},
		"128 bits, auth key": {key128, salt128, 1, `CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE
			E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25 6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2`},
		"256 bits, cipher key": {key256, salt256, 0, "5ba1064e30ec51613cad926c5a28ef73 1ec7fb397f70a960653caf06554cd8c4"},
		"256 bits, salt":       {key256, salt256, 2, "fa31791685ca444a9e07c6c64e93"},
		"256 bits, auth key":   {key256, salt256, 1, "fd9c32d39ed5fbb5a9dc96b30818454d 1313dc05"},
	} {
		t.Run(name, func(t *testing.T) {
			master, err := aes.NewCipher(unhex(t, v.key))
			if err != nil {
				t.Fatal(err)
			}
			want := unhex(t, v.want)
			got := bytes.Repeat([]byte{0xA5}, len(want))
			derive(got, master, unhex(t, v.salt), v.label)
			if !bytes.Equal(got, want) {
				t.Errorf("got  %x\nwant %x", got, want)
			}
		})
	}
}

// The vectors of RFC 7714 sections 16 and 17, but for RTP that is authenticated only, which SRTP with GCM does not have. They give
// session keys, not master keys.
const (
	vectorSalt = "517569642070726f2071756f"
	vectorRTP  = `8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573`
	vectorRTCP = `81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef`
	// vectorIndexRTCP is the SRTCP index.
	vectorIndexRTCP = 0x5d4
)

var vectors = map[string]struct{ key, rtp, rtcp, taggedRTCP string }{
	"AEAD_AES_128_GCM": {
		"000102030405060708090a0b0c0d0e0f",
		`8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1
			6a9152cf 765ee439 0cce`,
		`81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458
			96cf4d2f c5abf872 45d9eade 800005d4`,
		vectorRTCP + "841dd968 3dd78ec9 2ae58790 125f62b3 000005d4",
	},
	"AEAD_AES_256_GCM": {
		"000102030405060708090a0b0c0d0e0f 101112131415161718191a1b1c1d1e1f",
		`8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff
			d6b0f9bb 7878d7a7 6c13`,
		`81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be 8415f658 c61de047 6f1b6fad 1d1eb30c
			4446839f 57ff6f6c b26ac3be 800005d4`,
		vectorRTCP + "91db4afb feee5a97 8fab4393 ed2615fe 000005d4",
	},
}

func TestVectors(t *testing.T) {
	for name, v := range vectors {
		t.Run(name, func(t *testing.T) {
			cipher, err := makeSession(unhex(t, v.key), [saltSize]byte(unhex(t, vectorSalt)))
			if err != nil {
				t.Fatal(err)
			}
			sealer := &Sealer{rtp: cipher, rtcp: cipher, nextIndex: vectorIndexRTCP}
			opener := &Opener{rtp: cipher, rtcp: cipher, rtpStreams: streams{limit: 1}, rtcpStreams: streams{limit: 1}}
			plain, plainRTCP := unhex(t, vectorRTP), unhex(t, vectorRTCP)

			sealed := sealer.SealRTP(make([]byte, 0, 200), plain[:12], plain[12:], 0)
			if want := unhex(t, v.rtp); !bytes.Equal(sealed, want) {
				t.Errorf("SealRTP\ngot  %x\nwant %x", sealed, want)
			}
			if got, err := opener.OpenRTP(unhex(t, v.rtp)); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("OpenRTP: error %v\ngot  %x\nwant %x", err, got, plain)
			}
			sealed, err = sealer.SealRTCP(make([]byte, 0, 200), plainRTCP)
			if want := unhex(t, v.rtcp); err != nil || !bytes.Equal(sealed, want) {
				t.Errorf("SealRTCP: error %v\ngot  %x\nwant %x", err, sealed, want)
			}
			if got, err := opener.OpenRTCP(unhex(t, v.rtcp)); err != nil || !bytes.Equal(got, plainRTCP) {
				t.Errorf("OpenRTCP: error %v\ngot  %x\nwant %x", err, got, plainRTCP)
			}
			// Both packets bear the same index.
			opener.rtcpStreams = streams{limit: 1}
			if got, err := opener.OpenRTCP(unhex(t, v.taggedRTCP)); err != nil || !bytes.Equal(got, plainRTCP) {
				t.Errorf("OpenRTCP of an unencrypted packet: error %v\ngot  %x\nwant %x", err, got, plainRTCP)
			}
		})
	}
}

func TestProfiles(t *testing.T) {
	for p, want := range map[Profile]struct{ key, salt int }{AES128GCM: {16, 12}, AES256GCM: {32, 12}, 0: {}, 1: {}, 2: {}, 9: {}} {
		if p.KeyLen() != want.key || p.SaltLen() != want.salt || p.Supported() != (want.key > 0) {
			t.Errorf("%#x: key %d, salt %d, supported %v", uint16(p), p.KeyLen(), p.SaltLen(), p.Supported())
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, arguments := range map[string]struct {
		p          Profile
		key, salt  int
		maxStreams int
		openerOnly bool
	}{
		"another profile": {1, 16, 14, 1, false},
		"short key":       {AES256GCM, 16, 12, 1, false},
		"long key":        {AES128GCM, 32, 12, 1, false},
		"long salt":       {AES128GCM, 16, 14, 1, false},
		"no keys":         {AES128GCM, 0, 0, 1, false},
		"no streams":      {AES128GCM, 16, 12, 0, true},
	} {
		keys := Keys{Key: make([]byte, arguments.key), Salt: make([]byte, arguments.salt)}
		if _, err := NewOpener(arguments.p, keys, arguments.maxStreams); err == nil {
			t.Errorf("%s: an opener", name)
		}
		if _, err := NewSealer(arguments.p, keys); (err == nil) != arguments.openerOnly {
			t.Errorf("%s: a sealer and error %v", name, err)
		}
	}
}
