package baseline

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"sfu/pkg/signaling/protocol"
)

// maxSlots is told to clients.
const maxSlots = 64

// pingInterval is how often clients hear something, who give up a socket that says nothing.
const pingInterval = 5 * time.Second

// A Server is an http.Handler for /v1/rooms/.
type Server struct {
	api *webrtc.API
	mux ice.UDPMux
	web *http.ServeMux

	mu       sync.Mutex
	rooms    map[string]*room
	sessions map[*session]struct{}
	nextID   int
	closed   bool
	working  sync.WaitGroup
	quit     chan struct{}
}

// A Config is what may be chosen.
type Config struct {
	// DefaultRole leaves the DTLS role to pion, whose default is that of the client. Clients then choose the cipher.
	DefaultRole bool
}

// New opens the media socket at media, whose address clients are told.
func New(media *net.UDPAddr, cfg Config) (*Server, error) {
	engine := &webrtc.MediaEngine{}
	if err := engine.RegisterDefaultCodecs(); err != nil {
		return nil, fmt.Errorf("register codecs: %w", err)
	}
	registry := &interceptor.Registry{}
	if err := webrtc.RegisterDefaultInterceptors(engine, registry); err != nil {
		return nil, fmt.Errorf("register interceptors: %w", err)
	}
	socket, err := net.ListenUDP("udp", media)
	if err != nil {
		return nil, fmt.Errorf("open the media socket: %w", err)
	}
	s := &Server{mux: ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: socket}), rooms: map[string]*room{}, sessions: map[*session]struct{}{}, quit: make(chan struct{})}
	settings := webrtc.SettingEngine{}
	settings.SetICEUDPMux(s.mux)
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	if !cfg.DefaultRole {
		if err := settings.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
			return nil, errors.Join(err, s.mux.Close())
		}
	}
	s.api = webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(settings))
	s.web = http.NewServeMux()
	s.web.HandleFunc("GET /v1/rooms/{room}", s.info)
	s.web.HandleFunc("GET /v1/rooms/{room}/signal", s.signal)
	s.working.Go(s.ping)
	return s, nil
}

// ping lets all clients hear something, until the server ends.
func (s *Server) ping() {
	tick := time.NewTicker(pingInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.quit:
			return
		}
		s.mu.Lock()
		for one := range s.sessions {
			_ = one.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second)) // the reader sees the socket end
		}
		s.mu.Unlock()
	}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.web.ServeHTTP(w, r) }

func (s *Server) info(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(protocol.RoomInfo{
		Room: r.PathValue("room"), Protocol: protocol.Version, Auth: protocol.AuthOpen, ICEServers: []protocol.ICEServer{},
		Codecs: protocol.Codecs{Audio: []string{"opus"}, Video: []string{"VP8", "VP9", "H264", "AV1"}},
		Limits: protocol.Limits{MessageBytes: protocol.MaxMessageBytes, SDPLines: 8000, Slots: maxSlots, SlotsFirst: 4, SlotsGrow: 4},
	})
}

func (s *Server) signal(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{Subprotocols: []string{protocol.Version}}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	one := s.open(r.PathValue("room"), conn)
	if one == nil {
		_ = conn.Close()
		return
	}
	defer s.working.Done()
	one.run()
	s.mu.Lock()
	delete(s.sessions, one)
	s.mu.Unlock()
}

// open makes the session of a socket, nil when the server has ended.
func (s *Server) open(name string, conn *websocket.Conn) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	if s.rooms[name] == nil {
		s.rooms[name] = &room{}
	}
	s.nextID++
	one := &session{server: s, room: s.rooms[name], conn: conn, id: "p" + strconv.Itoa(s.nextID), published: map[string]*track{}}
	s.sessions[one] = struct{}{}
	s.working.Add(1)
	return one
}

// Close ends every session and waits for them.
func (s *Server) Close() error {
	close(s.quit)
	s.mu.Lock()
	s.closed = true
	for one := range s.sessions {
		_ = one.conn.Close()
	}
	s.mu.Unlock()
	s.working.Wait()
	return s.mux.Close()
}
