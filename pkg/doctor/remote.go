package doctor

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"sfu/pkg/signaling/protocol"
)

// A Remote is a server as people elsewhere see it.
type Remote struct {
	// URL is where people open the page, such as https://meet.example.org; it may have a path.
	URL *url.URL
	// Room is where the checks meet; "" takes a new one. A server that wants tokens needs one in Tokens, and a second one of another
	// identity for the check with two participants.
	Room   string
	Tokens []string
	// Idle is how long a quiet WebSocket must last; 0 leaves that out.
	Idle time.Duration
	// Page is the page of this version of sfu, to compare with.
	Page []byte

	// What checks tell each other. Each is written by a check that has ended before those begin that read it.

	// info is what the server told, nil where it did not: then the other checks have nothing to look at.
	info *protocol.RoomInfo
	// verified says that a token may be given away.
	verified bool
	// works is a way that media takes, "" where none was found.
	works way
}

// limits of the checks.
const (
	requestTimeout = 8 * time.Second
	// mediaLimit is for three ways, of which two may fail.
	mediaLimit = 3*(requestTimeout+connectTime+mediaTime+partTime) + relayLimit
	relayLimit = 2*allocateTimeout + relayTimeout
	// idleSpare is what opening a WebSocket takes beside the quiet.
	idleSpare = 15 * time.Second
)

// Checks are those of a public address. They run one after the other where one token has to do for all.
func (r *Remote) Checks() []Check {
	if r.Room == "" {
		r.Room = roomName()
	}
	serial := len(r.Tokens) > 0
	checks := []Check{
		{Name: "the public address", Limit: 20 * time.Second, Look: r.lookAtAddress},
		{Name: "the page", After: true, Look: r.lookAtPage},
		{Name: "the origin", Look: r.lookAtOrigin},
		{Name: "the WebSocket", Limit: r.Idle + idleSpare, Look: r.lookAtSocket},
		{Name: "media", Limit: mediaLimit, After: serial, Look: r.lookAtMedia},
	}
	if serial {
		checks[3].After = true
	}
	return append(checks,
		Check{Name: "forwarded addresses", After: true, Look: r.lookAtForwarded},
		Check{Name: "a second participant", Limit: 30 * time.Second, Look: r.lookAtSecond})
}

// lookAtAddress finds out whether anything answers, and asks for the room. Without that the other checks have nothing to look at.
func (r *Remote) lookAtAddress(ctx context.Context) []Finding {
	host := r.URL.Hostname()
	var all []Finding
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(addresses) == 0 {
		return []Finding{found(Fail, "dns-failed", "The name %s has no address: %v.", host, err)}
	}
	if _, err := netip.ParseAddr(host); err != nil {
		all = append(all, found(OK, "dns", "%s is at %s.", host, join(addresses)))
	}
	reached, findings := r.lookAtTLS(ctx)
	all = append(all, findings...)
	switch {
	case !reached:
		return all
	case !r.verified && len(r.Tokens) > 0:
		return append(all, found(Fail, "web-unverified", "Whom the token would be given to is not known, so the rest was not looked at."))
	}
	return append(all, r.ask(ctx)...)
}

func join(addresses []netip.Addr) string {
	var all []string
	for _, a := range addresses {
		all = append(all, a.Unmap().String())
	}
	return strings.Join(all, ", ")
}

// local reports whether the URL is one of this machine.
func (r *Remote) local() bool {
	a, err := netip.ParseAddr(r.URL.Hostname())
	return r.URL.Hostname() == "localhost" || err == nil && a.IsLoopback()
}

// lookAtTLS shakes hands and judges the certificate. Over plain HTTP nobody shows who he is, but on this machine that is not needed.
func (r *Remote) lookAtTLS(ctx context.Context) (reached bool, all []Finding) {
	if r.URL.Scheme != "https" {
		r.verified = r.local()
		if r.verified {
			return true, nil
		}
		return true, []Finding{found(Fail, "web-insecure", "The page is served over plain http: browsers give it neither camera nor microphone.")}
	}
	port := r.URL.Port()
	if port == "" {
		port = "443"
	}
	dialer := tls.Dialer{Config: &tls.Config{ServerName: r.URL.Hostname(), InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}} // judged below
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(r.URL.Hostname(), port))
	if err != nil {
		return false, []Finding{found(Fail, "web-unreachable", "No TLS at %s: %v.", r.URL.Host, err).
			do("Open port %s for TCP in firewall and router, and see that the proxy or the server runs and speaks TLS.", port)}
	}
	defer conn.Close()
	c := chain{certificates: conn.(*tls.Conn).ConnectionState().PeerCertificates, host: r.URL.Hostname(), roots: systemRoots()}
	all = judgeCertificate(c, time.Now())
	r.verified = c.roots != nil && Worst(all) < Fail && !has(all, "certificate-self")
	return true, all
}

func has(all []Finding, id string) bool {
	for _, f := range all {
		if f.ID == id {
			return true
		}
	}
	return false
}

// tlsConfig lets the other checks go on where lookAtTLS has found a certificate that is not good.
func (r *Remote) tlsConfig() *tls.Config {
	c := insecure()
	c.InsecureSkipVerify = !r.verified
	return c
}

// An answer is what came of one request.
type answer struct {
	status int
	header http.Header
	body   []byte
	// local and remote are those of the connection.
	local, remote netip.Addr
	refusal       *protocol.Refusal
}

const mostBody = 1 << 20

// get asks for a path below the URL, on a connection of its own.
func (r *Remote) get(ctx context.Context, path string, header http.Header) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	at := *r.URL
	if path != "" {
		at = *r.URL.JoinPath(path)
	} else if at.Path == "" {
		at.Path = "/"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return answer{}, err
	}
	for name, values := range header {
		request.Header[name] = values
	}
	var a answer
	transport := &http.Transport{TLSClientConfig: r.tlsConfig(), DisableKeepAlives: true}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			a.local, a.remote = hostOf(conn.LocalAddr()), hostOf(conn.RemoteAddr())
		}
		return conn, err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	a.status, a.header = response.StatusCode, response.Header
	if a.body, err = io.ReadAll(io.LimitReader(response.Body, mostBody)); err != nil {
		return answer{}, err
	}
	var refusal protocol.Refusal
	if json.Unmarshal(a.body, &refusal) == nil && refusal.Code != "" {
		a.refusal = &refusal
	}
	return a, nil
}

func hostOf(a net.Addr) netip.Addr { return a.(*net.TCPAddr).AddrPort().Addr().Unmap() }

func (r *Remote) roomPath() string { return "v1/rooms/" + r.Room }

func (r *Remote) token(i int) string {
	if i < len(r.Tokens) {
		return r.Tokens[i]
	}
	return ""
}

// ask asks for the room and keeps what it is told.
func (r *Remote) ask(ctx context.Context) []Finding {
	header := http.Header{}
	if token := r.token(0); token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	a, err := r.get(ctx, r.roomPath(), header)
	if err != nil {
		return []Finding{found(Fail, "web-unreachable", "Nobody answers at %s: %v.", r.URL.Host, err)}
	}
	info := &protocol.RoomInfo{}
	findings := judgeInfo(a, json.Unmarshal(a.body, info), info)
	if Worst(findings) < Fail {
		r.info = info
	}
	return findings
}

// judgeInfo looks at the answer to the question for a room.
func judgeInfo(a answer, broken error, info *protocol.RoomInfo) []Finding {
	switch {
	case a.refusal != nil:
		return []Finding{judgeRefusal(&protocol.Error{Code: a.refusal.Code, Message: a.refusal.Message})}
	case a.status >= 300 && a.status < 400:
		return []Finding{found(Fail, "api-missing", "The address redirects to %s.", a.header.Get("Location")).
			do("Run sfu doctor with --remote of where people end up.")}
	case a.status != http.StatusOK:
		return []Finding{found(Fail, "api-missing", "v1/rooms/ is answered with HTTP status %d, not by sfu.", a.status)}
	case broken != nil || info.Protocol == "":
		return []Finding{found(Fail, "api-missing", "v1/rooms/ is answered by something else than sfu.")}
	case info.Protocol != protocol.Version:
		return []Finding{found(Fail, "api-missing", "The server speaks %s, and this sfu %s.", info.Protocol, protocol.Version).
			do("Use sfu doctor of the server's version.")}
	}
	rooms := "rooms are open"
	if info.Auth == protocol.AuthToken {
		rooms = "rooms need a token"
	}
	return []Finding{found(OK, "api", "The server speaks %s; %s.", info.Protocol, rooms)}
}

// judgeRefusal says what a refusal of the server means for the check.
func judgeRefusal(e *protocol.Error) Finding {
	switch {
	case wantsToken(e.Code):
		return found(Fail, "join-refused", "The server refuses (%s): %s", e.Code, e.Message)
	case e.Code == protocol.OriginNotAllowed:
		return found(Fail, "origin-refused", "The server refuses its own page (%s): %s", e.Code, e.Message)
	default:
		return found(Fail, "server-refuses", "The server refuses (%s): %s", e.Code, e.Message)
	}
}

func wantsToken(c protocol.Code) bool {
	return c == protocol.TokenRequired || c == protocol.TokenInvalid || c == protocol.TokenExpired
}

func (r *Remote) lookAtPage(ctx context.Context) []Finding {
	if r.info == nil {
		return nil
	}
	a, err := r.get(ctx, "", nil)
	if err != nil {
		return []Finding{found(Fail, "page-missing", "The page cannot be fetched: %v.", err)}
	}
	return judgePage(a, r.Page)
}

// pageMark stands in every version of the page.
const pageMark = "static/boot.js"

// judgePage tells our page from others'.
func judgePage(a answer, own []byte) []Finding {
	switch {
	case a.status != http.StatusOK:
		return []Finding{found(Fail, "page-missing", "The page is answered with HTTP status %d.", a.status)}
	case sha256.Sum256(a.body) == sha256.Sum256(own):
		return []Finding{found(OK, "page", "The page is that of this version of sfu.")}
	case strings.Contains(string(a.body), pageMark):
		return []Finding{found(Info, "page-version", "The page is that of another version of sfu.")}
	default:
		return []Finding{found(Fail, "page-missing", "What is served at the address is not sfu's page.")}
	}
}

// origin is what browsers say of a page at the URL.
func (r *Remote) origin() string { return r.URL.Scheme + "://" + r.URL.Host }

func (r *Remote) lookAtOrigin(ctx context.Context) []Finding {
	if r.info == nil {
		return nil
	}
	a, err := r.get(ctx, r.roomPath(), http.Header{"Origin": {r.origin()}})
	if err != nil {
		return []Finding{found(Fail, "web-unreachable", "A request was not answered: %v.", err)}
	}
	return judgeOrigin(a, r.origin())
}

// judgeOrigin looks at the answer to a request of the server's own page.
func judgeOrigin(a answer, origin string) []Finding {
	switch {
	case a.refusal != nil && a.refusal.Code == protocol.OriginNotAllowed:
		return []Finding{found(Fail, "origin-refused", "The server takes its own page at %s for another site's.", origin)}
	case a.status == http.StatusOK || a.refusal != nil:
		return []Finding{found(OK, "origin", "The server takes requests of its page at %s.", origin)}
	default:
		return []Finding{found(Warn, "api-missing", "A request with an Origin is answered with HTTP status %d, not by sfu.", a.status)}
	}
}
