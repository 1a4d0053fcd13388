package signaling

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"sfu/pkg/signaling/protocol"
)

// serveInfo answers what a client needs before its first offer.
func (s *Server) serveInfo(w http.ResponseWriter, r *http.Request) {
	v, ok := s.visit(w, r)
	if !ok {
		return
	}
	if !s.addresses.ask(v.from, v.began) {
		s.limited(w, limitQuestions, time.Duration(retryAfter())*time.Millisecond)
		return
	}
	at, err := s.opts.Locator.Find(r.Context(), v.room)
	if err != nil {
		s.refuse(w, s.notLocated(err, v))
		return
	}
	if at.Elsewhere != nil {
		at.Elsewhere.ServeHTTP(w, r)
		return
	}
	if at.Signal == "" && s.phaseNow() != serving {
		s.refuse(w, refuse(protocol.Draining, nil, v.began))
		return
	}
	token, given := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if r.Header.Get("Authorization") != "" && !given {
		s.refuse(w, protocol.TokenInvalid.Because("The Authorization header must be a Bearer token."))
		return
	}
	if given {
		if _, err := s.verify(strings.TrimSpace(token), v); err != nil {
			refusal, known := refusalOf(err, v.began)
			if !known {
				s.log.Error("verify token", "err", err)
			}
			s.refuse(w, refusal)
			return
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	info := s.info(v, given || s.tokens.Open())
	if at.Signal != "" {
		info.Signal, info.Participants = at.Signal, nil // who is there is known there
	}
	writeJSON(w, http.StatusOK, info)
}

// info is the answer of serveInfo; trusted says that who asks may join.
func (s *Server) info(v visitor, trusted bool) protocol.RoomInfo {
	info := protocol.RoomInfo{
		Room:       v.room,
		Protocol:   protocol.Version,
		Auth:       protocol.AuthToken,
		ICEServers: []protocol.ICEServer{},
		Codecs:     protocol.Codecs{Audio: []string{"opus"}, Video: s.opts.VideoCodecs},
		Limits:     s.opts.limits(),
	}
	if s.tokens.Open() {
		info.Auth = protocol.AuthOpen
	}
	if trusted {
		n := s.rooms.Participants(v.room)
		info.Participants = &n
		info.ICEServers = s.iceServers(randomText(8), v.began)
		return info
	}
	for _, server := range s.opts.ICEServers {
		if server.Credential == "" {
			info.ICEServers = append(info.ICEServers, server)
		}
	}
	return info
}

// iceServers returns what a client that may join is given; user tells TURN credentials apart.
func (s *Server) iceServers(user string, now time.Time) []protocol.ICEServer {
	servers := append([]protocol.ICEServer{}, s.opts.ICEServers...)
	if s.opts.TURN == nil {
		return servers
	}
	c := s.opts.TURN.Issue(user, now)
	return append(servers, protocol.ICEServer{URLs: c.URLs, Username: c.Username, Credential: c.Password})
}

// servePreflight lets pages of allowed origins send a token.
func (s *Server) servePreflight(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.visit(w, r); !ok {
		return
	}
	w.Header().Set("Access-Control-Allow-Methods", "GET")
	w.Header().Set("Access-Control-Allow-Headers", "Authorization")
	w.Header().Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

// visit checks what every request must pass: its origin, the name of the room, and that its address is not blocked.
func (s *Server) visit(w http.ResponseWriter, r *http.Request) (visitor, bool) {
	v := visitor{room: r.PathValue("room"), from: peer(r), began: time.Now()}
	allowed, crossSite := s.origins.check(r.Header.Get("Origin"), r.Host)
	w.Header().Add("Vary", "Origin")
	if !allowed {
		// The page may read why, so that it can say it. There is nothing else in the answer.
		w.Header().Set("Access-Control-Allow-Origin", "*")
		s.refuse(w, protocol.OriginNotAllowed.Refuse())
		return v, false
	}
	if crossSite {
		w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	}
	if !protocol.IsRoomName(v.room) {
		s.refuse(w, protocol.BadRoomName.Refuse())
		return v, false
	}
	if wait := s.addresses.blocked(v.from, v.began); wait > 0 {
		s.limited(w, limitAuth, wait)
		return v, false
	}
	return v, true
}

// serveSignal upgrades to a WebSocket. It is served by a goroutine of its own: that of the handler would hold the buffers and the request
// of net/http for as long as the socket lasts.
func (s *Server) serveSignal(w http.ResponseWriter, r *http.Request) {
	v, ok := s.visit(w, r)
	if !ok {
		return
	}
	if refusal := checkUpgrade(r); refusal != nil {
		s.refuse(w, refusal)
		return
	}
	if !s.addresses.visit(v.from, v.began) {
		s.limited(w, limitJoins, time.Duration(retryAfter())*time.Millisecond)
		return
	}
	at, err := s.opts.Locator.Locate(r.Context(), v.room)
	if err != nil {
		s.refuse(w, s.notLocated(err, v))
		return
	}
	switch {
	case at.Elsewhere != nil:
		at.Elsewhere.ServeHTTP(w, r)
		return
	case at.Signal != "":
		s.refuse(w, errElsewhere)
		return
	}
	if !s.begin() {
		s.refuse(w, refuse(protocol.Overloaded, nil, v.began))
		return
	}
	if limit, ok := s.addresses.open(v.from, v.began); !ok {
		s.working.Done()
		s.limited(w, limit, time.Duration(retryAfter())*time.Millisecond)
		return
	}
	ws, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		s.tally.refused.inc(string(protocol.BadRequest)) // gorilla has answered
		s.addresses.close(v.from, false, time.Now())
		s.working.Done()
		return
	}
	s.tally.accepted.Add(1)
	go s.serve(ws, v)
}

// checkUpgrade finds what a client that speaks the protocol does not do.
func checkUpgrade(r *http.Request) *protocol.Error {
	if !websocket.IsWebSocketUpgrade(r) {
		return protocol.BadRequest.Because("This address is for WebSockets.")
	}
	for _, p := range websocket.Subprotocols(r) {
		if p == protocol.Version {
			return nil
		}
	}
	return protocol.UnsupportedVersion.Because("The server speaks " + protocol.Version + "; the client must ask for this subprotocol.")
}

// serve is the life of a WebSocket.
func (s *Server) serve(ws *websocket.Conn, v visitor) {
	defer s.working.Done()
	authenticated := false
	defer func() { s.addresses.close(v.from, authenticated, time.Now()) }()
	c := newSocket(ws, s.times, s.tally, v.began)
	s.addSocket(c)
	defer s.removeSocket(c)
	c.start()
	defer c.finish()
	defer s.recovered(c)
	sess := s.welcome(c, v)
	if sess == nil {
		return
	}
	authenticated = true
	s.addresses.authenticated(v.from, time.Now())
	s.seated(c)
	c.pump(func() { sess.inbox.post(heardBy{c}) })
}

// recovered ends a socket whose reader has a bug, and no other.
func (s *Server) recovered(c *socket) {
	p := recover()
	if p == nil {
		return
	}
	s.tally.panics.Add(1)
	s.log.Error("a socket ended by a panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	c.refuse(0, protocol.Internal.Refuse())
}

// welcome reads the first message and returns the session that the socket belongs to from then on, nil where it was refused.
func (s *Server) welcome(c *socket, v visitor) *session {
	req, ok := c.next()
	if !ok {
		return nil
	}
	sess, err := s.greet(context.Background(), c, v, req)
	if err != nil {
		refusal, known := refusalOf(err, time.Now())
		if !known {
			s.log.Error("refused a first message", "room", v.room, "err", err)
		}
		s.log.Debug("refused", "room", v.room, "code", string(refusal.Code), "from", v.from)
		c.refuse(req.ID, refusal)
		return nil
	}
	return sess
}

// limited refuses a request of an address that does too much.
func (s *Server) limited(w http.ResponseWriter, what string, wait time.Duration) {
	s.tally.rateLimited.inc(what)
	refusal := protocol.RateLimited.Refuse()
	refusal.RetryAfter = wait.Milliseconds()
	s.refuse(w, refusal)
}

// refuse answers an HTTP request with a code.
func (s *Server) refuse(w http.ResponseWriter, e *protocol.Error) {
	s.tally.refused.inc(string(e.Code))
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt((e.RetryAfter+999)/1000, 10))
	}
	if e.Code.Status() == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, e.Code.Status(), protocol.Refusal{Code: e.Code, Message: e.Message, RetryAfter: e.RetryAfter})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // fails only where the client is gone
}
