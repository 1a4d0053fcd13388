package certificate_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sfu/pkg/certificate"
)

var (
	now   = time.Now()
	names = certificate.Names{
		Hosts:     []string{"localhost", "den"},
		Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.168.1.20"), netip.MustParseAddr("2001:db8::20")},
	}
)

func local(t *testing.T, dir string, n certificate.Names, at time.Time) *certificate.Local {
	t.Helper()
	l, err := certificate.NewLocal(dir, n, at)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// handshake connects to a server with the certificate of s and returns what it showed.
func handshake(t *testing.T, s certificate.Source, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if a, err := l.Accept(); err == nil {
			_ = tls.Server(a, certificate.Config(s)).Handshake()
			_ = a.Close()
		}
	}()
	b, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = b.SetDeadline(time.Now().Add(20 * time.Second))
	c := tls.Client(b, client)
	err = c.Handshake()
	_ = b.Close()
	<-done
	return c.ConnectionState(), err
}

func TestLocalCertificateIsGoodForAllNames(t *testing.T) {
	l := local(t, "", names, now)
	own, err := l.Get(nil)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(own.Leaf)
	for _, name := range []string{"localhost", "den", "127.0.0.1", "192.168.1.20", "2001:db8::20"} {
		state, err := handshake(t, l, &tls.Config{RootCAs: roots, ServerName: name, NextProtos: []string{"h2", "http/1.1"}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if state.NegotiatedProtocol != "http/1.1" {
			t.Errorf("%s: protocol %q", name, state.NegotiatedProtocol)
		}
	}
	if _, err := handshake(t, l, &tls.Config{RootCAs: roots, ServerName: "elsewhere.example"}); err == nil {
		t.Error("it is good for other names too")
	}
	if want := fmt.Sprintf("%X", sha256.Sum256(own.Certificate[0])); strings.ReplaceAll(l.Fingerprint(), ":", "") != want || len(l.Fingerprint()) != 95 {
		t.Errorf("fingerprint %s", l.Fingerprint())
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	l := local(t, "", names, now)
	if _, err := handshake(t, l, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is accepted")
	}
}

func TestLocalCertificateSurvivesARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	first := local(t, dir, names, now)
	path, err := first.Stored()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file has mode %v", info.Mode())
	}
	for name, tt := range map[string]struct {
		names certificate.Names
		at    time.Time
		same  bool
	}{
		"at once":                 {names, now, true},
		"in ten months":           {names, now.AddDate(0, 10, 0), true},
		"an IPv6 address is new":  {certificate.Names{Hosts: names.Hosts, Addresses: []netip.Addr{netip.MustParseAddr("2001:db8::99")}}, now, true},
		"a month before its end":  {names, now.AddDate(0, 0, 336), false},
		"the clock went back":     {names, now.AddDate(-1, 0, 0), false},
		"an IPv4 address is new":  {certificate.Names{Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}, now, false},
		"the host has a new name": {certificate.Names{Hosts: []string{"attic"}}, now, false},
	} {
		t.Run(name, func(t *testing.T) {
			copied := filepath.Join(t.TempDir(), "state")
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			if got := local(t, copied, tt.names, tt.at).Fingerprint() == first.Fingerprint(); got != tt.same {
				t.Errorf("same certificate: %v, want %v", got, tt.same)
			}
		})
	}
}

func TestDamagedFileIsReplaced(t *testing.T) {
	dir := t.TempDir()
	path, _ := local(t, dir, names, now).Stored()
	if err := os.WriteFile(path, []byte("-----BEGIN"), 0o600); err != nil {
		t.Fatal(err)
	}
	first := local(t, dir, names, now)
	if local(t, dir, names, now).Fingerprint() != first.Fingerprint() {
		t.Error("the damaged file stayed")
	}
}

func TestDirectoryThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l := local(t, filepath.Join(file, "state"), names, now)
	if path, err := l.Stored(); path != "" || err == nil {
		t.Errorf("stored in %q, error %v", path, err)
	}
	if _, err := handshake(t, l, &tls.Config{InsecureSkipVerify: true}); err != nil {
		t.Error(err)
	}
}

func TestLocalRenews(t *testing.T) {
	l := local(t, "", names, now)
	first := l.Fingerprint()
	if changed, err := l.Refresh(now.AddDate(0, 1, 0)); changed || err != nil {
		t.Errorf("after a month: %v, %v", changed, err)
	}
	if changed, err := l.Refresh(now.AddDate(0, 11, 20)); !changed || err != nil || l.Fingerprint() == first {
		t.Errorf("after eleven months: %v, %v", changed, err)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	install := func(file, from string) {
		t.Helper()
		content, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first, _ := local(t, t.TempDir(), names, now).Stored()
	second, _ := local(t, t.TempDir(), names, now).Stored()
	if _, err := certificate.Load(certFile, keyFile); err == nil {
		t.Fatal("files that are not there were loaded")
	}
	install(certFile, first)
	install(keyFile, first)
	f, err := certificate.Load(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	shown := func() string {
		t.Helper()
		state, err := handshake(t, f, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		return string(state.PeerCertificates[0].Raw)
	}
	before := shown()
	if changed, err := f.Refresh(now); changed || err != nil {
		t.Errorf("nothing changed: %v, %v", changed, err)
	}
	install(certFile, second)
	if changed, err := f.Refresh(now); changed || err == nil || shown() != before {
		t.Errorf("the certificate is new, its key is not there yet: %v, %v", changed, err)
	}
	install(keyFile, second)
	if changed, err := f.Refresh(now); !changed || err != nil || shown() == before {
		t.Errorf("both are new: %v, %v", changed, err)
	}
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	if changed, err := f.Refresh(now); changed || err == nil || shown() == before {
		t.Errorf("the key is gone: %v, %v", changed, err)
	}
}
