package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"sfu/pkg/signaling/protocol"
)

// socketState is what was seen of a WebSocket.
type socketState struct {
	// err is why it was not opened, or ended; status and refusal are what was answered instead of opening it.
	err     error
	status  int
	refusal *protocol.Error
	opened  bool
	// subprotocol is what was agreed on, joined that the server let us in.
	subprotocol string
	joined      bool
	// took is how long opening took, quiet how long it stayed open with nothing said but pings, of wanted.
	took, quiet, wanted time.Duration
}

func (r *Remote) lookAtSocket(ctx context.Context) []Finding {
	if r.info == nil {
		return nil
	}
	return judgeSocket(r.probeSocket(ctx))
}

// probeSocket opens a WebSocket as the page does, joins without media, and says nothing for a while.
func (r *Remote) probeSocket(ctx context.Context) socketState {
	st := socketState{wanted: r.Idle}
	at := *r.URL.JoinPath(r.roomPath(), "signal")
	at.Scheme = strings.Replace(at.Scheme, "http", "ws", 1)
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Version}, TLSClientConfig: r.tlsConfig(), HandshakeTimeout: requestTimeout}
	begun := time.Now()
	conn, response, err := dialer.DialContext(ctx, at.String(), http.Header{"Origin": {r.origin()}})
	if st.err = err; response != nil {
		st.status = response.StatusCode
	}
	if err != nil {
		if response != nil {
			st.refusal = refusalOf(response)
		}
		return st
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	st.opened, st.subprotocol, st.took = true, conn.Subprotocol(), time.Since(begun)
	if st.err = r.enter(conn, &st); st.err != nil || !st.joined {
		return st
	}
	joined := time.Now()
	for st.err == nil && time.Since(joined) < r.Idle {
		_ = conn.SetReadDeadline(joined.Add(r.Idle))
		_, _, st.err = conn.ReadMessage() // pings are answered in here
	}
	st.quiet = time.Since(joined)
	var timeout interface{ Timeout() bool }
	if errors.As(st.err, &timeout) && timeout.Timeout() {
		st.err = nil // the end of the wait
	}
	leave(conn)
	return st
}

// enter sends join and reads until its answer.
func (r *Remote) enter(conn *websocket.Conn, st *socketState) error {
	_ = conn.SetReadDeadline(time.Now().Add(requestTimeout))
	hello := protocol.Join{Token: r.token(0), Name: "doctor", Subscribe: protocol.SubscribeManual, Client: &protocol.Client{Name: "sfu doctor"}}
	if err := conn.WriteMessage(websocket.TextMessage, protocol.EncodeRequest(1, hello)); err != nil {
		return err
	}
	for {
		_, frame, err := conn.ReadMessage()
		if err != nil {
			return err
		}
		switch _, m, _ := protocol.DecodeServer(frame); m := m.(type) {
		case protocol.Joined:
			st.joined = true
			return nil
		case protocol.Error:
			st.refusal = &m
			return nil
		}
	}
}

// leave frees the name for the next check. Whether it is heard does not matter: then the server forgets it a little later.
func leave(conn *websocket.Conn) {
	if conn.WriteMessage(websocket.TextMessage, protocol.EncodeRequest(2, protocol.Leave{})) != nil {
		return
	}
	_ = conn.SetReadDeadline(time.Now().Add(partTime))
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			return
		}
	}
}

func refusalOf(response *http.Response) *protocol.Error {
	body, err := io.ReadAll(io.LimitReader(response.Body, mostBody))
	var refusal protocol.Refusal
	if err != nil || json.Unmarshal(body, &refusal) != nil || refusal.Code == "" {
		return nil
	}
	return &protocol.Error{Code: refusal.Code, Message: refusal.Message}
}

// judgeSocket tells what a proxy does to WebSockets.
func judgeSocket(st socketState) []Finding {
	switch {
	case !st.opened && st.refusal == nil && st.status == 0:
		return []Finding{found(Fail, "websocket-blocked", "The WebSocket cannot be opened: %v.", st.err)}
	case !st.opened && st.refusal == nil:
		return []Finding{found(Fail, "websocket-blocked", "The WebSocket is answered with HTTP status %d, not by sfu.", st.status)}
	case !st.opened && st.refusal.Code == protocol.BadRequest:
		return []Finding{found(Fail, "websocket-blocked",
			"A proxy takes the upgrade out of the request for a WebSocket: it arrives at sfu as a plain one.")}
	case !st.opened && st.refusal.Code == protocol.UnsupportedVersion:
		return []Finding{found(Fail, "websocket-subprotocol", "The subprotocol %s, which was asked for, does not arrive at sfu.", protocol.Version)}
	case st.refusal != nil:
		return []Finding{judgeRefusal(st.refusal)}
	case st.subprotocol != protocol.Version:
		return []Finding{found(Fail, "websocket-subprotocol",
			"The WebSocket opens, but with the subprotocol %q instead of %s.", st.subprotocol, protocol.Version)}
	case !st.joined:
		return []Finding{found(Fail, "websocket-blocked", "The WebSocket opens, but nothing gets through: %v.", st.err)}
	}
	all := []Finding{found(OK, "websocket", "A WebSocket opens in %v, with its subprotocol.", st.took.Round(time.Millisecond))}
	switch {
	case st.wanted == 0:
	case st.err != nil:
		all = append(all, found(Fail, "websocket-idle-cut",
			"A WebSocket on which only the server's pings came was cut off after %v.", st.quiet.Round(100*time.Millisecond)))
	default:
		all = append(all, found(OK, "websocket-idle", "A WebSocket on which only the server's pings came stayed open for %v.", st.wanted))
	}
	return all
}
