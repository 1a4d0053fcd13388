package signaling

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sfu/pkg/signaling/protocol"
)

// patience is how long a test on the loopback waits for what should be there at once.
const patience = 10 * time.Second

// testAddress is the header in which a test's request says where it comes from.
const testAddress = "X-Test-Address"

// A network is a world behind real HTTP and WebSockets.
type network struct {
	*world
	http *httptest.Server
}

// quick shortens the times that a test on the loopback would have to wait for.
func quick(change func(*timing)) timing {
	times := defaultTiming
	change(&times)
	return times
}

func newNetwork(t *testing.T, opts Options, times timing) *network {
	t.Helper()
	n := &network{world: newWorld(t, opts)}
	var err error
	n.server, err = newServer(n.rooms, n.dialer.dial, n.tokens, opts, n.log.logger(), times)
	if err != nil {
		t.Fatal(err)
	}
	n.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if from := r.Header.Get(testAddress); from != "" {
			r.RemoteAddr = from + ":1" // as whoever knows the proxies in front does
		}
		n.server.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		n.end()
		n.http.Close()
		if open := n.server.Stats().Sockets; open != 0 {
			t.Errorf("%d sockets are open after the end", open)
		}
		for a, e := range n.server.addresses.entries {
			if e.sockets != 0 || e.unauthenticated != 0 {
				t.Errorf("address %v still has %d sockets, %d of them not joined", a, e.sockets, e.unauthenticated)
			}
		}
	})
	return n
}

// A wsClient is a client on a real WebSocket.
type wsClient struct {
	t       *testing.T
	ws      *websocket.Conn
	id      uint64
	session string
	self    string
	events  []protocol.ServerMessage
}

// dial opens a socket; the test fails where that is refused.
func (n *network) dial(t *testing.T, room string) *wsClient {
	t.Helper()
	c, resp, err := n.tryDial(t, room, http.Header{})
	if err != nil {
		t.Fatalf("dial: %v (%v)", err, resp)
	}
	return c
}

func (n *network) tryDial(t *testing.T, room string, h http.Header) (*wsClient, *http.Response, error) {
	t.Helper()
	if h.Get("Sec-WebSocket-Protocol") == "" {
		h.Set("Sec-WebSocket-Protocol", protocol.Version)
	}
	dialer := websocket.Dialer{HandshakeTimeout: patience}
	url := "ws" + strings.TrimPrefix(n.http.URL, "http") + "/v1/rooms/" + room + "/signal"
	ws, resp, err := dialer.Dial(url, h)
	if err != nil {
		return nil, resp, err
	}
	t.Cleanup(func() { ws.Close() })
	return &wsClient{t: t, ws: ws}, resp, nil
}

// join dials and joins.
func (n *network) join(t *testing.T, room string, j protocol.Join) *wsClient {
	t.Helper()
	c := n.dial(t, room)
	joined, ok := c.ask(j).(protocol.Joined)
	if !ok {
		t.Fatal("not joined")
	}
	c.session, c.self = joined.Session, joined.Self
	return c
}

func (c *wsClient) send(m protocol.ClientMessage) (id uint64) {
	c.t.Helper()
	c.id++
	c.sendRaw(protocol.EncodeRequest(c.id, m))
	return c.id
}

func (c *wsClient) sendRaw(frame []byte) {
	c.t.Helper()
	c.ws.SetWriteDeadline(time.Now().Add(patience))
	if err := c.ws.WriteMessage(websocket.TextMessage, frame); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// read returns the next message.
func (c *wsClient) read() (re uint64, m protocol.ServerMessage, err error) {
	c.ws.SetReadDeadline(time.Now().Add(patience))
	_, frame, err := c.ws.ReadMessage()
	if err != nil {
		return 0, nil, err
	}
	return protocol.DecodeServer(frame)
}

// ask sends a request and waits for its answer; events are kept.
func (c *wsClient) ask(m protocol.ClientMessage) protocol.ServerMessage {
	c.t.Helper()
	return c.answer(c.send(m))
}

func (c *wsClient) answer(id uint64) protocol.ServerMessage {
	c.t.Helper()
	for {
		re, m, err := c.read()
		if err != nil {
			c.t.Fatalf("waiting for the answer to %d: %v", id, err)
		}
		if re == id {
			return m
		}
		c.events = append(c.events, m)
	}
}

// next waits for the next event of type T; others are dropped.
func next[T protocol.ServerMessage](c *wsClient) T {
	c.t.Helper()
	for {
		var m protocol.ServerMessage
		if len(c.events) > 0 {
			m, c.events = c.events[0], c.events[1:]
		} else {
			var err error
			if _, m, err = c.read(); err != nil {
				var none T
				c.t.Fatalf("waiting for %q: %v", none.Type(), err)
				return none
			}
		}
		if t, ok := m.(T); ok {
			return t
		}
	}
}

// closed reads until the socket ends and returns the last error message and the close code; 0 where there was no close frame.
func (c *wsClient) closed() (last protocol.Error, code int, why string) {
	c.t.Helper()
	for {
		_, m, err := c.read()
		if e, ok := m.(protocol.Error); ok {
			last = e
		}
		var closed *websocket.CloseError
		switch {
		case err == nil:
		case errors.As(err, &closed):
			return last, closed.Code, closed.Text
		case errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "timeout"):
			return last, 0, ""
		default:
			c.t.Fatalf("the socket does not end: %v", err)
		}
	}
}

// expectEnd checks how a socket ends.
func (c *wsClient) expectEnd(code protocol.Code) {
	c.t.Helper()
	last, n, why := c.closed()
	if n != code.CloseAfterRefusal() || why != string(code) || last.Code != code || last.Message == "" {
		c.t.Errorf("ended with %d %q and %+v, want %s", n, why, last, code)
	}
}

// get asks for the information on a room.
func (n *network) get(t *testing.T, path string, h http.Header) (int, http.Header, []byte) {
	t.Helper()
	req, err := http.NewRequest("GET", n.http.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = h
	resp, err := n.http.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, body
}

// refusalIn reads a refusal.
func refusalIn(t *testing.T, body []byte) protocol.Refusal {
	t.Helper()
	var r protocol.Refusal
	if err := json.Unmarshal(body, &r); err != nil || r.Code == "" || r.Message == "" {
		t.Fatalf("%q is no refusal: %v", body, err)
	}
	return r
}
