package mesh

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

var (
	secretA = []byte("0123456789abcdef")
	secretB = []byte("another secret of 32 bytes......")
)

func mustCredentials(t *testing.T, incarnation string, secrets ...[]byte) credentials {
	t.Helper()
	c, err := newCredentials(secrets, incarnation)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// handshake joins the two ends and lets the server say one byte, without which a client of TLS 1.3 cannot know whether it was taken.
func handshake(t *testing.T, server, client *tls.Config) (seen tls.ConnectionState, serverErr, clientErr error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	result := make(chan error, 1)
	go func() {
		a, err := l.Accept()
		if err != nil {
			result <- err
			return
		}
		defer a.Close()
		s := tls.Server(a, server)
		err = s.Handshake()
		if err == nil {
			_, err = s.Write([]byte{1})
		}
		result <- err
	}()
	b, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	_ = b.SetDeadline(time.Now().Add(time.Minute))
	c := tls.Client(b, client)
	if clientErr = c.Handshake(); clientErr == nil {
		_, clientErr = c.Read(make([]byte, 1))
	}
	_ = b.Close()
	return c.ConnectionState(), <-result, clientErr
}

func TestAuthorityIsTheSameOnAllNodes(t *testing.T) {
	first, err := newAuthority(secretA)
	if err != nil {
		t.Fatal(err)
	}
	again, err := newAuthority(bytes.Clone(secretA))
	if err != nil {
		t.Fatal(err)
	}
	other, err := newAuthority(secretB)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.certificate.Raw, again.certificate.Raw) {
		t.Error("one secret makes two authorities")
	}
	if bytes.Equal(first.certificate.RawSubject, other.certificate.RawSubject) || first.key.Equal(other.key) {
		t.Error("two secrets make one authority")
	}
}

func TestSecretsOfTwoNodes(t *testing.T) {
	a, b := secretA, secretB
	for name, tt := range map[string]struct {
		server, client [][]byte
		ok             bool
	}{
		"the same":            {[][]byte{a}, [][]byte{a}, true},
		"different":           {[][]byte{a}, [][]byte{b}, false},
		"rotation begins":     {[][]byte{a, b}, [][]byte{a}, true},
		"rotation began":      {[][]byte{a}, [][]byte{a, b}, true},
		"rotation goes on":    {[][]byte{b, a}, [][]byte{a, b}, true},
		"rotation ends":       {[][]byte{b}, [][]byte{b, a}, true},
		"too soon for one":    {[][]byte{b, a}, [][]byte{a}, false},
		"too soon for server": {[][]byte{a}, [][]byte{b, a}, false},
	} {
		t.Run(name, func(t *testing.T) {
			server, client := mustCredentials(t, "server1", tt.server...), mustCredentials(t, "client1", tt.client...)
			seen, serverErr, clientErr := handshake(t, server.serverTLS(), client.clientTLS())
			if ok := serverErr == nil && clientErr == nil; ok != tt.ok {
				t.Fatalf("server: %v; client: %v", serverErr, clientErr)
			}
			if tt.ok && incarnationOf(seen) != "server1" {
				t.Errorf("the server is %q", incarnationOf(seen))
			}
		})
	}
}

func TestCallerWithoutCertificateIsRefused(t *testing.T) {
	server := mustCredentials(t, "server1", secretA)
	client := mustCredentials(t, "client1", secretA).clientTLS()
	client.Certificates = nil
	if _, serverErr, clientErr := handshake(t, server.serverTLS(), client); serverErr == nil || clientErr == nil {
		t.Errorf("server: %v; client: %v", serverErr, clientErr)
	}
}

func TestClocksDoNotMatter(t *testing.T) {
	at := func(year int) func() time.Time {
		return func() time.Time { return time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC) }
	}
	for _, years := range [][2]int{{1970, 2026}, {2026, 1970}, {2026, 2099}, {2099, 1970}} {
		server, client := mustCredentials(t, "server1", secretA).serverTLS(), mustCredentials(t, "client1", secretA).clientTLS()
		server.Time, client.Time = at(years[0]), at(years[1])
		for range 2 { // the second time with a session
			if _, serverErr, clientErr := handshake(t, server, client); serverErr != nil || clientErr != nil {
				t.Errorf("%v: server: %v; client: %v", years, serverErr, clientErr)
			}
		}
	}
}

func TestSessionIsResumedWithTheSameProcessOnly(t *testing.T) {
	server, client := mustCredentials(t, "server1", secretA).serverTLS(), mustCredentials(t, "client1", secretA).clientTLS()
	restarted := mustCredentials(t, "server2", secretA).serverTLS()
	for i, tt := range []struct {
		server  *tls.Config
		resumed bool
		peer    string
	}{{server, false, "server1"}, {server, true, "server1"}, {restarted, false, "server2"}} {
		seen, serverErr, clientErr := handshake(t, tt.server, client)
		if serverErr != nil || clientErr != nil {
			t.Fatalf("server: %v; client: %v", serverErr, clientErr)
		}
		if seen.DidResume != tt.resumed || incarnationOf(seen) != tt.peer {
			t.Errorf("%d: resumed %v with %q", i, seen.DidResume, incarnationOf(seen))
		}
	}
}

// TestCopiedCertificateProvesNothing shows the certificate of another process, as anybody can who has connected to it: that must not look
// like the end of the process that was meant.
func TestCopiedCertificateProvesNothing(t *testing.T) {
	copied := mustCredentials(t, "server2", secretA)
	thief := mustCredentials(t, "server2", secretB)
	copied.own.PrivateKey = thief.own.PrivateKey
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan struct{})
	go func() {
		defer close(served)
		if c, err := l.Accept(); err == nil {
			_ = tls.Server(c, copied.serverTLS()).Handshake()
			_ = c.Close()
		}
	}()
	m, err := New(Config{Secrets: [][]byte{secretA}, Incarnation: "client1", ProbeWithin: time.Minute, HandshakeWithin: time.Minute}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	_, err = m.Probe(t.Context(), Peer{"server1", l.Addr().String()})
	if err == nil || errors.Is(err, ErrWrongNode) || errors.Is(err, ErrRefused) {
		t.Errorf("the probe says %v", err)
	}
	<-served
}

func TestConfigIsChecked(t *testing.T) {
	for name, c := range map[string]Config{
		"no secret":             {Incarnation: "a"},
		"short secret":          {Secrets: [][]byte{secretA[:15]}, Incarnation: "a"},
		"second secret short":   {Secrets: [][]byte{secretA, nil}, Incarnation: "a"},
		"no incarnation":        {Secrets: [][]byte{secretA}},
		"incarnation too long":  {Secrets: [][]byte{secretA}, Incarnation: strings.Repeat("a", 64)},
		"incarnation with dots": {Secrets: [][]byte{secretA}, Incarnation: "a.b"},
		"incarnation with star": {Secrets: [][]byte{secretA}, Incarnation: "*"},
	} {
		if m, err := New(c, nil, nil); err == nil {
			m.Close()
			t.Errorf("%s is taken", name)
		} else if strings.Contains(err.Error(), string(secretA[:15])) {
			t.Errorf("%s: the error tells the secret", name)
		}
	}
}

func TestIncarnationKeepsItsCase(t *testing.T) {
	seen, _, err := handshake(t, mustCredentials(t, "K7ab", secretA).serverTLS(), mustCredentials(t, "C", secretA).clientTLS())
	if err != nil || incarnationOf(seen) != "K7ab" {
		t.Errorf("%q, %v", incarnationOf(seen), err)
	}
}

func TestOldPeersAreForgotten(t *testing.T) {
	m, err := New(Config{Secrets: [][]byte{secretA}, Incarnation: "a"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	kept := Peer{"kept", "192.0.2.1:7883"}
	first, _ := m.link(kept)
	for i := range 2 * maxLinks {
		if _, err := m.link(Peer{"p" + strings.Repeat("x", i%60), "192.0.2.2:" + strings.Repeat("1", i/60)}); err != nil {
			t.Fatal(err)
		}
		if l, _ := m.link(kept); l != first {
			t.Fatal("a peer in use was forgotten")
		}
	}
	if len(m.links) > maxLinks {
		t.Errorf("%d peers are remembered", len(m.links))
	}
}
