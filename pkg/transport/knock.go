package transport

import (
	"encoding/binary"
	"net"
	"strings"

	"github.com/pion/stun/v4"
)

// knock is a listener for ICE-TCP that looks at what each connection says first, to find out to whom it comes: a wire has a candidate on
// TCP only when somebody comes there, for few do, and a candidate costs two goroutines and 16 KiB.
type knock struct {
	net.Listener
	engine *Engine
}

// Accept implements net.Listener.
func (k knock) Accept() (net.Conn, error) {
	c, err := k.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &knocking{Conn: c, engine: k.engine}, nil
}

// maxKnock is the longest first message that is read, in bytes, as in pion's mux.
const maxKnock = 512

// knocking is a connection whose first message (RFC 4571 framing, a STUN request) is read as it passes. One goroutine reads it.
type knocking struct {
	net.Conn
	engine *Engine
	first  []byte
	known  bool
}

// Read implements net.Conn.
func (c *knocking) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if !c.known && n > 0 {
		c.look(b[:n])
	}
	return n, err
}

// look tells the engine for whom the connection is, as soon as that was said.
func (c *knocking) look(b []byte) {
	c.first = append(c.first, b[:min(len(b), 2+maxKnock-len(c.first))]...)
	if len(c.first) < 2 {
		return
	}
	size := int(binary.BigEndian.Uint16(c.first))
	if size <= maxKnock && len(c.first) < 2+size {
		return
	}
	if size <= maxKnock {
		c.engine.dialled(usernameOf(c.first[2:2+size]), c.LocalAddr())
	}
	c.first, c.known = nil, true
}

// usernameOf returns this side's part of a STUN request's USERNAME (RFC 8445 section 7.2.2), "" where there is none.
func usernameOf(request []byte) string {
	m := &stun.Message{Raw: request}
	if m.Decode() != nil {
		return ""
	}
	name, err := m.Get(stun.AttrUsername)
	if err != nil {
		return ""
	}
	ufrag, _, _ := strings.Cut(string(name), ":")
	return ufrag
}

// list makes a wire known by its user name, unlist forgets it.
func (e *Engine) list(ufrag string, w *wire) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wires[ufrag] = w
}

func (e *Engine) unlist(ufrag string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.wires, ufrag)
}

// dialled gives the wire of a user name a candidate on TCP, at the address where somebody has come.
func (e *Engine) dialled(ufrag string, at net.Addr) {
	e.mu.Lock()
	w := e.wires[ufrag]
	e.mu.Unlock()
	local, ok := at.(*net.TCPAddr)
	if w == nil || !ok {
		return
	}
	for _, p := range e.places {
		if p.tcp != nil && p.tcp.IP.Equal(local.IP) {
			w.dialled(ufrag, p.tcp)
		}
	}
}

// dialled adds the candidate. It is there before the mux goes on reading, and the mux gives both the same connection.
func (w *wire) dialled(ufrag string, at *net.TCPAddr) {
	packets, err := w.engine.tcp.GetConnByUfrag(ufrag, at.IP.To4() == nil, at.IP)
	if err != nil {
		return // the mux was closed
	}
	candidate, err := hostCandidate("tcp", at.IP.String(), at.Port)
	if err == nil {
		err = w.agent.AddVirtualCandidate(candidate, packets)
	}
	if err != nil { // there is one already, or the wire was closed
		_ = packets.Close()
	}
}
