package signaling

import (
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"sfu/pkg/auth"
	"sfu/pkg/room"
	"sfu/pkg/signaling/protocol"
)

// A Server serves the protocol over HTTP and keeps sessions alive across reconnects.
type Server struct {
	rooms     Rooms
	tokens    auth.Verifier
	opts      Options
	times     timing
	log       *slog.Logger
	mux       *http.ServeMux
	upgrader  websocket.Upgrader
	origins   originPolicy
	addresses *addresses
	admission *admission
	tally     *tally
	env       *environment

	mu       sync.Mutex
	sessions map[string]*session
	sockets  map[*socket]bool // true once a session speaks through it
	phase    phase
	deadline time.Time
	// undrained is closed by Undrain; nil while nothing was drained.
	undrained chan struct{}
	moves     moves
	left      chan struct{} // signalled when a session is forgotten
	working   sync.WaitGroup
}

// A phase says what a Server still takes.
type phase uint8

const (
	serving  phase = iota
	draining       // resumes, but no joins
	ended          // nothing
)

// readBuffer is what each socket holds for reading, in bytes. What is longer is read past it.
const readBuffer = 512

// NewServer returns a Server for rooms. Connections are made by dial. It fails where the options cannot be meant.
func NewServer(rooms Rooms, dial Dial, tokens auth.Verifier, opts Options, log *slog.Logger) (*Server, error) {
	return newServer(rooms, dial, tokens, opts, log, defaultTiming)
}

func newServer(rooms Rooms, dial Dial, tokens auth.Verifier, opts Options, log *slog.Logger, times timing) (*Server, error) {
	opts = opts.withDefaults()
	origins, err := newOriginPolicy(opts.AllowedOrigins)
	if err != nil {
		return nil, fmt.Errorf("read allowed origins: %w", err)
	}
	s := &Server{
		rooms:     rooms,
		tokens:    tokens,
		opts:      opts,
		times:     times,
		log:       log,
		origins:   origins,
		addresses: newAddresses(opts.Addresses),
		admission: newAdmission(opts.Joins, opts.JoinQueue, times.patience),
		tally:     newTally(opts.ObserveJoin),
		sessions:  map[string]*session{},
		sockets:   map[*socket]bool{},
		moves:     moves{},
		left:      make(chan struct{}, 1),
	}
	s.env = &environment{
		dial:       dial,
		times:      times,
		opts:       opts,
		tally:      s.tally,
		iceServers: func(user string) []protocol.ICEServer { return s.iceServers(user, time.Now()) },
		forget:     s.forget,
	}
	s.upgrader = websocket.Upgrader{
		HandshakeTimeout: times.hello,
		ReadBufferSize:   readBuffer,
		WriteBufferPool:  &sync.Pool{},
		Subprotocols:     []string{protocol.Version},
		CheckOrigin:      func(*http.Request) bool { return true }, // checked before, against the list and the proxies
	}
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("GET /v1/rooms/{room}", s.serveInfo)
	s.mux.HandleFunc("OPTIONS /v1/rooms/{room}", s.servePreflight)
	s.mux.HandleFunc("GET /v1/rooms/{room}/signal", s.serveSignal)
	s.mux.HandleFunc("/v1/rooms/", func(w http.ResponseWriter, _ *http.Request) { s.refuse(w, protocol.NotFound.Refuse()) })
	return s, nil
}

// ServeHTTP serves /v1/rooms/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Stats returns the counts since the start.
func (s *Server) Stats() Stats {
	stats := s.tally.stats()
	s.mu.Lock()
	defer s.mu.Unlock()
	stats.Sockets, stats.Sessions = len(s.sockets), len(s.sessions)
	return stats
}

// addSocket makes a socket known. It ends at once where the server has ended meanwhile.
func (s *Server) addSocket(c *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets[c] = false
	if s.phase == ended {
		c.shut(endingOf(protocol.Shutdown))
	}
}

// seated notes that a session speaks through c.
func (s *Server) seated(c *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets[c] = true
}

func (s *Server) removeSocket(c *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sockets, c)
}

// begin counts work in that Drain waits for. It returns false when the server has ended or has as many sockets as it can.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == ended || len(s.sockets) >= s.opts.Sockets {
		return false
	}
	s.working.Add(1)
	return true
}

// add starts the session of v, unless the server takes none any more or the room has moved since v came.
func (s *Server) add(sess *session, v visitor) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.takes(v); err != nil {
		return err
	}
	s.sessions[sess.id] = sess
	s.working.Go(sess.run)
	return nil
}

// takes returns why v may not join now. s.mu is held.
func (s *Server) takes(v visitor) error {
	switch {
	case s.phase != serving:
		return room.ErrDraining
	case s.moves.since(v):
		return protocol.RoomUnavailable.Refuse()
	}
	return nil
}

func (s *Server) find(id string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[id]
}

func (s *Server) forget(sess *session) {
	s.mu.Lock()
	delete(s.sessions, sess.id)
	s.mu.Unlock()
	s.signalLeft()
}

func (s *Server) signalLeft() {
	select {
	case s.left <- struct{}{}:
	default:
	}
}

// admits returns why v may not join now.
func (s *Server) admits(v visitor) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.takes(v)
}

// phaseNow returns the phase.
func (s *Server) phaseNow() phase {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase
}
