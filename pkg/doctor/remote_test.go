package doctor

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sfu/pkg/auth"
	"sfu/pkg/sfutest"
	"sfu/pkg/signaling"
	"sfu/pkg/transport"
	"sfu/pkg/turn"
)

const testPage = `<script type="module" src="static/boot.js"></script>`

// A front is a proxy before a server, which may be wrong in many ways.
type front struct {
	backend *url.URL
	// change is done to requests to the server, listener to what comes in.
	change   func(*http.Request)
	listener func(net.Listener) net.Listener
	// certificate makes it speak TLS.
	certificate *tls.Certificate
}

// start returns its URL.
func (f front) start(t *testing.T) *url.URL {
	t.Helper()
	proxy := &httputil.ReverseProxy{Transport: &http.Transport{DisableKeepAlives: true}, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(f.backend)
		r.Out.Host = r.In.Host
		if f.change != nil {
			f.change(r.Out)
		}
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, testPage) })
	mux.Handle("/v1/", proxy)
	s := httptest.NewUnstartedServer(mux)
	if f.listener != nil {
		s.Listener = f.listener(s.Listener)
	}
	if f.certificate != nil {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{*f.certificate}}
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	at, err := url.Parse(s.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func parse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// ids are what was found, the level in front.
func ids(findings []Finding) []string {
	var all []string
	for _, f := range findings {
		all = append(all, f.Level.String()+" "+f.ID)
	}
	return all
}

// look carries out all checks and wants those findings, and nothing else that is worse than Info.
func look(t *testing.T, r *Remote, want ...string) []Finding {
	t.Helper()
	r.Page = []byte(testPage)
	got := Run(t.Context(), r.Checks(), func(Finding) {})
	all := ids(got)
	for _, w := range want {
		if !slices.Contains(all, w) {
			t.Errorf("not found: %s", w)
		}
	}
	for _, f := range got {
		// A slow machine loses packets and takes its time.
		if f.Level > Info && f.ID != "media-lossy" && f.ID != "join-slow" && !slices.Contains(want, f.Level.String()+" "+f.ID) {
			t.Errorf("found: %s", f.Level.String()+" "+f.ID)
		}
	}
	if t.Failed() {
		for _, f := range got {
			t.Logf("%v %s: %s -> %s", f.Level, f.ID, f.Message, f.Remedy)
		}
	}
	return got
}

func TestAGoodServer(t *testing.T) {
	t.Parallel()
	s := sfutest.Start(t, sfutest.Options{})
	at := front{backend: parse(t, s.URL)}.start(t)
	look(t, &Remote{URL: at, Idle: time.Second}, "ok api", "ok page", "ok origin", "ok websocket", "ok websocket-idle", "ok udp", "ok tcp", "ok second")
}

func TestAProxyThatTakesUpgradesOut(t *testing.T) {
	t.Parallel()
	s := sfutest.Start(t, sfutest.Options{})
	at := front{backend: parse(t, s.URL), change: func(r *http.Request) {
		r.Header.Del("Upgrade")
		r.Header.Del("Connection")
	}}.start(t)
	look(t, &Remote{URL: at}, "ok api", "ok page", "fail websocket-blocked", "fail join-refused")
}

func TestAProxyThatTakesTheSubprotocolOut(t *testing.T) {
	t.Parallel()
	s := sfutest.Start(t, sfutest.Options{})
	at := front{backend: parse(t, s.URL), change: func(r *http.Request) { r.Header.Del("Sec-Websocket-Protocol") }}.start(t)
	look(t, &Remote{URL: at}, "fail websocket-subprotocol", "fail join-refused")
}

func TestAProxyThatChangesTheHost(t *testing.T) {
	t.Parallel()
	s := sfutest.Start(t, sfutest.Options{})
	at := front{backend: parse(t, s.URL), change: func(r *http.Request) { r.Host = "backend:8080" }}.start(t)
	look(t, &Remote{URL: at}, "fail origin-refused", "ok udp", "ok tcp", "ok second")
}

// hasty closes connections that were quiet for a while.
type hasty struct {
	net.Listener
	patience time.Duration
}

func (h hasty) Accept() (net.Conn, error) {
	c, err := h.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &hastyConn{Conn: c, patience: h.patience, timer: time.AfterFunc(h.patience, func() { _ = c.Close() })}, nil
}

type hastyConn struct {
	net.Conn
	patience time.Duration
	timer    *time.Timer
}

func (c *hastyConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.timer.Reset(c.patience)
	return n, err
}

func (c *hastyConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.timer.Reset(c.patience)
	return n, err
}

func (c *hastyConn) Close() error {
	c.timer.Stop()
	return c.Conn.Close()
}

func TestAProxyThatCutsQuietSockets(t *testing.T) {
	t.Parallel()
	s := sfutest.Start(t, sfutest.Options{})
	at := front{backend: parse(t, s.URL), listener: func(l net.Listener) net.Listener { return hasty{l, 3 * time.Second} }}.start(t)
	r := &Remote{URL: at, Idle: time.Minute, Room: roomName()}
	if findings := r.lookAtAddress(t.Context()); Worst(findings) != OK {
		t.Fatalf("found %+v", findings)
	}
	check(t, r.lookAtSocket(t.Context()), "", "ok websocket", "fail websocket-idle-cut")
}

// elsewhere announces an address of loopback at which UDP does not arrive.
const elsewhere = "127.0.0.3"

func announcing(address string) sfutest.Options {
	return sfutest.Options{Transport: transport.Config{Addresses: []transport.Address{
		{Local: netip.MustParseAddr("127.0.0.1"), Announce: []netip.Addr{netip.MustParseAddr(address)}},
	}}}
}

// forwardTCP passes connections to the announced address on to the server.
func forwardTCP(t *testing.T, s *sfutest.Server) {
	t.Helper()
	to := parse(t, s.URL).Host
	_, port, err := net.SplitHostPort(to)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(elsewhere, port))
	if err != nil {
		t.Fatal(err)
	}
	var passing sync.WaitGroup
	passing.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
				passing.Go(func() {
					_, _ = io.Copy(pair[0], pair[1])
					_ = pair[0].Close()
					_ = pair[1].Close()
				})
			}
		}
	})
	t.Cleanup(func() { _ = l.Close(); passing.Wait() })
}

func TestUDPBlocked(t *testing.T) {
	t.Parallel()
	s := sfutest.Start(t, announcing(elsewhere))
	forwardTCP(t, s)
	at := front{backend: parse(t, s.URL)}.start(t)
	found := look(t, &Remote{URL: at}, "warn udp-unreachable", "ok tcp", "ok second")
	if i := slices.IndexFunc(found, func(f Finding) bool { return f.ID == "udp-unreachable" }); i >= 0 && !strings.Contains(found[i].Message, "over TCP it does") {
		t.Errorf("says %q", found[i].Message)
	}
}

func TestWrongAddressAnnounced(t *testing.T) {
	t.Parallel()
	s := sfutest.Start(t, announcing(elsewhere))
	at := front{backend: parse(t, s.URL)}.start(t)
	found := look(t, &Remote{URL: at}, "ok websocket", "fail media-unreachable")
	i := slices.IndexFunc(found, func(f Finding) bool { return f.ID == "media-unreachable" })
	if i < 0 || !strings.Contains(found[i].Message, elsewhere) || !strings.Contains(found[i].Remedy, "for UDP and TCP") || !strings.Contains(found[i].Remedy, "--public-ip") {
		t.Errorf("found %+v", found)
	}
}

func TestOneOfTwoAddressesIsWrong(t *testing.T) {
	t.Parallel()
	options := announcing(elsewhere)
	options.Transport.Addresses[0].Announce = append(options.Transport.Addresses[0].Announce, netip.MustParseAddr("127.0.0.1"))
	s := sfutest.Start(t, options)
	at := front{backend: parse(t, s.URL)}.start(t)
	look(t, &Remote{URL: at}, "ok udp", "ok tcp", "info announced-unreachable")
}

func TestTURN(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		secret string
		want   []string
	}{
		"works":        {relaySecret, []string{"ok udp", "ok tcp", "ok relay", "ok second"}},
		"wrong secret": {"south", []string{"ok udp", "ok tcp", "warn relay-unreachable", "fail turn-credentials", "ok second"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer, err := turn.NewIssuer([]string{"turn:" + startTURN(t, everyone) + "?transport=udp"}, tt.secret, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			s := sfutest.Start(t, sfutest.Options{Signaling: signaling.Options{TURN: issuer}})
			at := front{backend: parse(t, s.URL)}.start(t)
			look(t, &Remote{URL: at}, tt.want...)
		})
	}
}

func TestCertificateExpired(t *testing.T) {
	t.Parallel()
	s := sfutest.Start(t, sfutest.Options{})
	now := time.Now()
	pair := issue(t, "meet.example.org", nil, false, now.AddDate(0, 0, -3), now.AddDate(0, 0, -1)).pair()
	at := front{backend: parse(t, s.URL), certificate: &pair}.start(t)
	r := &Remote{URL: at, Room: roomName()}
	got := ids(r.lookAtAddress(t.Context()))
	for _, want := range []string{"fail certificate-expired", "fail certificate-name", "ok api"} {
		if !slices.Contains(got, want) {
			t.Errorf("found %v, not %s", got, want)
		}
	}
	r = &Remote{URL: at, Room: roomName(), Tokens: []string{"secret"}}
	if got := ids(r.lookAtAddress(t.Context())); !slices.Contains(got, "fail web-unverified") || r.info != nil {
		t.Errorf("with a token: found %v", got)
	}
}

// tokenFor makes a token.
func tokenFor(t *testing.T, key auth.Key, identity, room string) string {
	t.Helper()
	now := time.Now()
	token, err := auth.Sign(key, auth.Grant{Room: room, Identity: identity, Publish: auth.AllSources(), Subscribe: true, Expires: now.Add(time.Hour)}, now)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTokens(t *testing.T) {
	t.Parallel()
	keys, err := auth.ParseKeys([]byte("main HS256 Zk9wq7Bn3T0sVxLr5Yd2HgM8cJ4uPaEi\n"))
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := auth.NewVerifier(keys, auth.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := sfutest.Start(t, sfutest.Options{Verifier: verifier})
	at := front{backend: parse(t, s.URL)}.start(t)
	t.Run("none", func(t *testing.T) { look(t, &Remote{URL: at}, "ok api", "fail join-refused") })
	t.Run("one", func(t *testing.T) {
		token := tokenFor(t, keys[0], "ann", "kitchen")
		look(t, &Remote{URL: at, Room: "kitchen", Tokens: []string{token}, Idle: time.Second}, "ok websocket-idle", "ok udp", "ok tcp", "info second-skipped")
	})
	t.Run("two", func(t *testing.T) {
		tokens := []string{tokenFor(t, keys[0], "ann", "kitchen"), tokenFor(t, keys[0], "bob", "kitchen")}
		look(t, &Remote{URL: at, Room: "kitchen", Tokens: tokens}, "ok udp", "ok tcp", "ok second")
	})
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]string{"http": "http://" + closedPort(t) + "/", "https": "https://" + closedPort(t) + "/"} {
		t.Run(name, func(t *testing.T) { look(t, &Remote{URL: parse(t, at), Idle: time.Hour}, "fail web-unreachable") })
	}
}

func TestANameWithoutAnAddress(t *testing.T) {
	t.Parallel()
	look(t, &Remote{URL: parse(t, "https://meet.invalid/")}, "fail dns-failed")
}

func TestAnotherProgram(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "Welcome to nginx!") }))
	t.Cleanup(s.Close)
	look(t, &Remote{URL: parse(t, s.URL+"/")}, "fail api-missing")
}
