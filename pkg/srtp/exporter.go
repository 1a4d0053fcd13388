package srtp

import (
	"crypto/hmac"
	"hash"
)

// exporterLabel is what DTLS-SRTP exports its keying material under (RFC 5764 section 4.2).
const exporterLabel = "EXTRACTOR-dtls_srtp"

// ExportKeys returns the keying material that a DTLS 1.2 handshake gives to SRTP, as SplitKeys takes it: the exporter of RFC 5705
// without context, which is the pseudo-random function of RFC 5246 section 5. hash is that of the cipher suite (SHA-384 for those
// that end in it, else SHA-256), masterSecret has 48 bytes, and the randoms are those of the hellos, 32 bytes each. It returns nil for
// a profile that is not supported. The caller clears the result once it has made a Sealer and an Opener of it.
func ExportKeys(p Profile, hash func() hash.Hash, masterSecret, clientRandom, serverRandom []byte) []byte {
	if !p.Supported() {
		return nil
	}
	seed := make([]byte, 0, len(exporterLabel)+len(clientRandom)+len(serverRandom))
	seed = append(seed, exporterLabel...)
	seed = append(seed, clientRandom...)
	seed = append(seed, serverRandom...)
	material := make([]byte, 2*(p.KeyLen()+p.SaltLen()))
	expand(material, hash, masterSecret, seed)
	return material
}

// expand fills out with P_hash of secret and seed (RFC 5246 section 5).
func expand(out []byte, hash func() hash.Hash, secret, seed []byte) {
	mac := hmac.New(hash, secret)
	mac.Write(seed)
	a := mac.Sum(nil)
	for len(out) > 0 {
		mac.Reset()
		mac.Write(a)
		mac.Write(seed)
		out = out[copy(out, mac.Sum(nil)):]
		mac.Reset()
		mac.Write(a)
		a = mac.Sum(a[:0])
	}
}
