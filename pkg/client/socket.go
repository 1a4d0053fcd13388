package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"sfu/pkg/signaling/protocol"
)

// Times of the socket.
const (
	// silence is how long the server may say nothing, not even ping.
	silence    = 15 * time.Second
	writeLimit = 5 * time.Second
	// maxServerMessage bounds what the server says at once: a snapshot of a large room with its answers.
	maxServerMessage = 4 << 20
)

// A socket is one WebSocket.
type socket struct {
	conn    *websocket.Conn
	writing sync.Mutex
	deaf    atomic.Bool
}

// dial opens a socket at a URL.
func (o *Options) dial(ctx context.Context, at string) (*socket, error) {
	dialer := websocket.Dialer{
		Subprotocols: []string{protocol.Version}, NetDialContext: o.DialContext, TLSClientConfig: o.TLS, HandshakeTimeout: 10 * time.Second,
	}
	conn, answer, err := dialer.DialContext(ctx, at, nil)
	if err != nil {
		if answer != nil && answer.StatusCode != http.StatusSwitchingProtocols {
			body, _ := io.ReadAll(io.LimitReader(answer.Body, maxInfoBytes))
			err = refusal(answer.Status, body)
		}
		return nil, fmt.Errorf("open the socket: %w", err)
	}
	conn.SetReadLimit(maxServerMessage)
	s := &socket{conn: conn}
	s.heard()
	answerPing := conn.PingHandler()
	conn.SetPingHandler(func(data string) error {
		s.heard()
		return answerPing(data)
	})
	return s, nil
}

// heard gives the server another time of silence.
func (s *socket) heard() {
	_ = s.conn.SetReadDeadline(time.Now().Add(silence))
	if s.deaf.Load() {
		_ = s.conn.SetReadDeadline(time.Now())
	}
}

// deafen ends reading, for good and unnoticed by the server.
func (s *socket) deafen() {
	s.deaf.Store(true)
	_ = s.conn.SetReadDeadline(time.Now())
}

func (s *socket) write(frame []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.conn.SetWriteDeadline(time.Now().Add(writeLimit))
	return s.conn.WriteMessage(websocket.TextMessage, frame)
}

// read returns the next message of a known type.
func (s *socket) read() (re uint64, m protocol.ServerMessage, err error) {
	for {
		_, frame, err := s.conn.ReadMessage()
		if err != nil {
			return 0, nil, err
		}
		s.heard()
		if re, m, err = protocol.DecodeServer(frame); err == nil {
			return re, m, nil
		}
	}
}

func (s *socket) close() { _ = s.conn.Close() }

// cut ends the connection below, at once and without a word.
func (s *socket) cut() { _ = s.conn.NetConn().Close() }
