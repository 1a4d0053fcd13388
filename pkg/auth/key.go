package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// An Algorithm is a signature algorithm of RFC 7518 or RFC 8037.
type Algorithm string

// The algorithms a key may have.
const (
	HS256 Algorithm = "HS256"
	EdDSA Algorithm = "EdDSA"
	ES256 Algorithm = "ES256"
)

// minSecretBytes is the least length of an HS256 secret: RFC 7518 section 3.2 asks for the length of the hash.
const minSecretBytes = 32

// maxKeyIDBytes bounds a key's id.
const maxKeyIDBytes = 64

// A Key checks tokens, and signs them if its private part is known. It never prints its secret.
type Key struct {
	// ID is what a token's kid must say.
	ID string
	// Algorithm is the only one that is accepted with this key.
	Algorithm Algorithm

	method    jwt.SigningMethod
	verifying any
	signing   any
}

// NewKey makes a key. For HS256 material is the secret itself, at least 32 bytes, taken as it is. For EdDSA (Ed25519) and ES256
// (P-256) it is a public key (SubjectPublicKeyInfo) or a private one (PKCS #8), in PEM or as the bare base64 of its DER.
func NewKey(id string, algorithm Algorithm, material string) (Key, error) {
	if err := checkKeyID(id); err != nil {
		return Key{}, err
	}
	k := Key{ID: id, Algorithm: algorithm}
	var err error
	switch algorithm {
	case HS256:
		err = k.setSecret(material)
	case EdDSA:
		err = k.setEd25519(material)
	case ES256:
		err = k.setP256(material)
	default:
		err = fmt.Errorf("unknown algorithm %q: HS256, EdDSA or ES256", algorithm)
	}
	if err != nil {
		return Key{}, fmt.Errorf("key %q: %w", id, err)
	}
	return k, nil
}

// CanSign reports whether Sign works with k.
func (k Key) CanSign() bool { return k.signing != nil }

// String returns the id and the algorithm.
func (k Key) String() string { return k.ID + " " + string(k.Algorithm) }

// GoString is String: %#v must not show the secret either.
func (k Key) GoString() string { return k.String() }

// LogValue is String, for slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

func checkKeyID(id string) error {
	if id == "" || len(id) > maxKeyIDBytes {
		return fmt.Errorf("a key id has 1 to %d characters", maxKeyIDBytes)
	}
	for _, c := range []byte(id) {
		if !isKeyIDByte(c) {
			return fmt.Errorf("key id %q: only letters, digits, '.', '_' and '-' are allowed", id)
		}
	}
	return nil
}

func isKeyIDByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
}

func (k *Key) setSecret(secret string) error {
	if len(secret) < minSecretBytes {
		return fmt.Errorf("the secret has %d bytes, at least %d are needed", len(secret), minSecretBytes)
	}
	if looksLikeSample(secret) {
		return errors.New("the secret looks like a sample from a manual; make a random one, for example with: openssl rand -base64 32")
	}
	k.method, k.verifying, k.signing = jwt.SigningMethodHS256, []byte(secret), []byte(secret)
	return nil
}

// sampleMarks are words that stand in the sample secrets of manuals. None is likely in 32 random bytes, however written.
var sampleMarks = []string{
	"changeme", "change-me", "change_me", "replace", "secret", "password", "passphrase", "example", "sample", "janusoverlord",
	"testtest", "devkey", "01234567", "12345678", "abcdefgh", "qwerty",
}

// minDistinctBytes tells a random secret from a key held down: 32 random hexadecimal digits have 14 different ones on average.
const minDistinctBytes = 8

func looksLikeSample(secret string) bool {
	lower := strings.ToLower(secret)
	for _, mark := range sampleMarks {
		if strings.Contains(lower, mark) {
			return true
		}
	}
	distinct := map[byte]bool{}
	for _, c := range []byte(secret) {
		distinct[c] = true
	}
	return len(distinct) < minDistinctBytes
}

func (k *Key) setEd25519(material string) error {
	parsed, err := parseAsymmetric(material)
	if err != nil {
		return err
	}
	switch key := parsed.(type) {
	case ed25519.PublicKey:
		k.verifying = key
	case ed25519.PrivateKey:
		k.verifying, k.signing = key.Public(), key
	default:
		return fmt.Errorf("EdDSA needs an Ed25519 key, this is a %T", parsed)
	}
	k.method = jwt.SigningMethodEdDSA
	return nil
}

func (k *Key) setP256(material string) error {
	parsed, err := parseAsymmetric(material)
	if err != nil {
		return err
	}
	switch key := parsed.(type) {
	case *ecdsa.PublicKey:
		k.verifying = key
	case *ecdsa.PrivateKey:
		k.verifying, k.signing = &key.PublicKey, key
	default:
		return fmt.Errorf("ES256 needs a P-256 key, this is a %T", parsed)
	}
	if curve := k.verifying.(*ecdsa.PublicKey).Curve; curve != elliptic.P256() {
		return fmt.Errorf("ES256 needs the curve P-256, this is %s", curve.Params().Name)
	}
	k.method = jwt.SigningMethodES256
	return nil
}

// parseAsymmetric reads a public or a private key.
func parseAsymmetric(material string) (any, error) {
	der, err := decodeDER(material)
	if err != nil {
		return nil, err
	}
	if public, err := x509.ParsePKIXPublicKey(der); err == nil {
		return public, nil
	}
	if private, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return private, nil
	}
	return nil, errors.New("this is neither a public key (SubjectPublicKeyInfo) nor a private one (PKCS #8)")
}

func decodeDER(material string) ([]byte, error) {
	if block, _ := pem.Decode([]byte(material)); block != nil {
		return block.Bytes, nil
	}
	der, err := base64.StdEncoding.DecodeString(strings.TrimSpace(material))
	if err != nil {
		return nil, errors.New("the key is neither PEM nor base64")
	}
	return der, nil
}
