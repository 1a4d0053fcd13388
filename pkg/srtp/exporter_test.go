package srtp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"net"
	"strings"
	"testing"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	dtlsnet "github.com/pion/dtls/v3/pkg/net"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
)

// TestExpand is the known answer for P_SHA256 that goes around with TLS 1.2, whose seed begins with the label "test label".
func TestExpand(t *testing.T) {
	secret := unhex(t, "9bbe436ba940f017b17652849a71db35")
	seed := append([]byte("test label"), unhex(t, "a0ba9f936cda311827a6f796ffd5198c")...)
	want := unhex(t, `e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a 6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab
		4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701 87347b66`)
	got := make([]byte, len(want))
	expand(got, sha256.New, secret, seed)
	if !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}

// TestExportKeysOfAHandshake takes what a DTLS server can see of a handshake, and compares with what both ends export themselves.
func TestExportKeysOfAHandshake(t *testing.T) {
	certificate, err := selfsign.GenerateSelfSigned()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		suite   dtls.CipherSuiteID
		hash    func() hash.Hash
		profile Profile
	}{
		"SHA-256, AES-128": {dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, sha256.New, AES128GCM},
		"SHA-256, AES-256": {dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, sha256.New, AES256GCM},
		"SHA-384, AES-256": {dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, sha512.New384, AES256GCM},
	} {
		t.Run(name, func(t *testing.T) {
			var keyLog bytes.Buffer
			var serverRandom [handshake.RandomLength]byte
			both := []dtls.Option{
				dtls.WithCertificates(certificate), dtls.WithCipherSuites(test.suite), dtls.WithInsecureSkipVerify(true),
				dtls.WithSRTPProtectionProfiles(dtls.SRTPProtectionProfile(test.profile)),
			}
			serverOptions := []dtls.ServerOption{
				dtls.WithKeyLogWriter(&keyLog),
				dtls.WithServerHelloMessageHook(func(hello handshake.MessageServerHello) handshake.Message {
					serverRandom = hello.Random.MarshalFixed()
					return &hello
				}),
			}
			var clientOptions []dtls.ClientOption
			for _, option := range both {
				serverOptions, clientOptions = append(serverOptions, option), append(clientOptions, option)
			}
			near, far := net.Pipe()
			server, err := dtls.ServerWithOptions(dtlsnet.PacketConnFromConn(near), near.RemoteAddr(), serverOptions...)
			if err != nil {
				t.Fatal(err)
			}
			client, err := dtls.ClientWithOptions(dtlsnet.PacketConnFromConn(far), far.RemoteAddr(), clientOptions...)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			failed := make(chan error, 1)
			go func() {
				err := client.HandshakeContext(ctx)
				if err != nil {
					cancel()
				}
				failed <- err
			}()
			err = server.HandshakeContext(ctx)
			if err != nil {
				cancel()
			}
			if clientErr := <-failed; err != nil || clientErr != nil {
				t.Fatalf("server: %v, client: %v", err, clientErr)
			}

			fields := strings.Fields(keyLog.String())
			if len(fields) != 3 || fields[0] != "CLIENT_RANDOM" {
				t.Fatalf("key log %q", keyLog.String())
			}
			clientRandom, _ := hex.DecodeString(fields[1])
			masterSecret, _ := hex.DecodeString(fields[2])
			got := ExportKeys(test.profile, test.hash, masterSecret, clientRandom, serverRandom[:])
			for side, conn := range map[string]*dtls.Conn{"server": server, "client": client} {
				state, ok := conn.ConnectionState()
				if !ok {
					t.Fatal("no state of the " + side)
				}
				want, err := state.ExportKeyingMaterial(exporterLabel, nil, 2*(test.profile.KeyLen()+test.profile.SaltLen()))
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: error %v\ngot  %x\nwant %x", side, err, got, want)
				}
			}
			// The other end of the pipe may be gone before the alert is read.
			_ = near.Close()
			_ = far.Close()
			_ = client.Close()
			_ = server.Close()
		})
	}
}

func TestExportKeysOfAnotherProfile(t *testing.T) {
	if got := ExportKeys(1, sha256.New, make([]byte, 48), make([]byte, 32), make([]byte, 32)); got != nil {
		t.Errorf("%x", got)
	}
}
