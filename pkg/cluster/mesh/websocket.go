package mesh

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// answerBufferBytes holds the head of a usual answer in one piece.
const answerBufferBytes = 1 << 10

// isWebSocket reports whether r asks for an upgrade as in RFC 6455, section 4.1.
func isWebSocket(r *http.Request) bool {
	return r.Method == http.MethodGet && r.ContentLength == 0 && hasToken(r.Header["Connection"], "upgrade") &&
		hasToken(r.Header["Upgrade"], "websocket")
}

// hasToken reports whether a list of tokens (RFC 9110, section 5.6.1) contains one, in any case.
func hasToken(values []string, token string) bool {
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.Trim(item, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// proxySocket is Proxy for WebSockets. They have a connection of their own.
func (m *Mesh) proxySocket(ctx context.Context, w http.ResponseWriter, r *http.Request, l *link, o origin) error {
	owner, err := l.dialInTurn(ctx)
	if err != nil {
		return err
	}
	raw := owner.NetConn()
	unhook := context.AfterFunc(ctx, func() { _ = raw.Close() })
	res, early, err := m.askUpgrade(owner, upgradeRequest(r, o))
	if err == nil && res.StatusCode != http.StatusSwitchingProtocols {
		if err = notOwner(res); err == nil {
			passOn(w, res)
		}
		unhook()
		_ = owner.Close()
		return err
	}
	if !unhook() && err == nil { // the hook has closed the connection
		err = context.Cause(ctx)
	}
	if err == nil && !hasToken(res.Header["Upgrade"], "websocket") {
		err = errors.New("the owner has upgraded to something else than a WebSocket")
	}
	if err != nil {
		_ = raw.Close()
		return err
	}
	return m.join(w, res, l, owner, early)
}

// upgradeRequest is r for the owner.
func upgradeRequest(r *http.Request, o origin) *http.Request {
	h := r.Header.Clone()
	for _, value := range h["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			h.Del(strings.Trim(name, " \t"))
		}
	}
	for _, name := range [...]string{"Connection", "Proxy-Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade"} {
		h.Del(name) // they speak of the client's connection (RFC 9110, section 7.6.1)
	}
	h.Set("Connection", "Upgrade")
	h.Set("Upgrade", "websocket")
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = []string{""} // or net/http would put in its own
	}
	o.stamp(h)
	return &http.Request{Method: http.MethodGet, URL: ownerURL(r.URL), Host: anyNode, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
}

// askUpgrade sends the request and reads the head of the answer, and what has come after it in early. Whoever calls it closes owner, after the
// body of the answer.
func (m *Mesh) askUpgrade(owner net.Conn, out *http.Request) (res *http.Response, early []byte, err error) {
	if err := owner.SetDeadline(time.Now().Add(m.cfg.AnswerWithin)); err != nil {
		return nil, nil, fmt.Errorf("ask owner: %w", err)
	}
	if err := out.Write(owner); err != nil {
		return nil, nil, fmt.Errorf("ask owner: %w", err)
	}
	head := &io.LimitedReader{R: owner, N: maxAnswerHeader}
	reader := bufio.NewReaderSize(head, answerBufferBytes)
	if res, err = http.ReadResponse(reader, out); err != nil {
		return nil, nil, fmt.Errorf("read the owner's answer: %w", err)
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		head.N = maxBodyBytes // it is a refusal
		return res, nil, nil
	}
	early, _ = reader.Peek(reader.Buffered())
	if err := owner.SetDeadline(time.Time{}); err != nil {
		return nil, nil, fmt.Errorf("read the owner's answer: %w", err)
	}
	return res, bytes.Clone(early), nil
}

// passOn gives the client an answer that is no upgrade.
func passOn(w http.ResponseWriter, res *http.Response) {
	strip(res.Header)
	for _, name := range [...]string{"Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade"} {
		res.Header.Del(name)
	}
	for name, values := range res.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(res.StatusCode)
	_, _ = io.Copy(w, res.Body) // an error here means that one of the two is gone
	_ = res.Body.Close()
}

// join takes the client's connection over, tells it that it is upgraded, and starts a tunnel.
func (m *Mesh) join(w http.ResponseWriter, res *http.Response, l *link, owner *tls.Conn, earlyFromOwner []byte) error {
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = owner.NetConn().Close()
		return fmt.Errorf("take over the client's connection: %w", err)
	}
	earlyFromClient, _ := buffered.Reader.Peek(buffered.Reader.Buffered())
	t := &tunnel{mesh: m, peer: l.peer.Incarnation, client: client, owner: owner}
	if !m.enter() {
		t.abort()
		return nil
	}
	t.start(append(switching(res), earlyFromOwner...), bytes.Clone(earlyFromClient))
	if l.ctx.Err() != nil { // cut between the dial and the start, which the registry has not seen
		t.abort()
	}
	return nil
}

// switching is the head of the answer that upgrades the client.
func switching(res *http.Response) []byte {
	strip(res.Header)
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = res.Header.Write(&head) // to memory
	head.WriteString("\r\n")
	return head.Bytes()
}
