package doctor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// selfState is what became of a packet to an announced address.
type selfState struct {
	address netip.Addr
	// own says that the address is this machine's.
	own     bool
	reached bool
	// err is why it could not be tried.
	err error
}

const (
	// selfTimeout is for one address, selfRepeat between its packets.
	selfTimeout = 2 * time.Second
	selfRepeat  = 200 * time.Millisecond
	// joinTimeout is for a connection to a server that runs.
	joinTimeout = 6 * time.Second
)

// lookAtUDP sends to every announced address: to the server's port itself while it is free, and by joining the server where it runs.
func (s *Server) lookAtUDP(ctx context.Context) []Finding {
	var states []selfState
	for _, a := range s.announced() {
		states = append(states, selfState{address: a, own: s.has(a)})
	}
	if len(states) == 0 {
		return nil
	}
	socket, err := net.ListenUDP("udp", &net.UDPAddr{Port: int(s.MediaPort)})
	switch {
	case err == nil:
		defer socket.Close()
		s.echoSelf(ctx, socket, states)
	case errors.Is(err, syscall.EADDRINUSE):
		if !s.joinSelf(ctx, states) {
			return nil // the port's own finding says why
		}
	default:
		return nil
	}
	return judgeSelf(states, s.MediaPort)
}

// echoSelf sends a few packets to each address and waits for one at socket.
func (s *Server) echoSelf(ctx context.Context, socket *net.UDPConn, states []selfState) {
	words := map[string]int{}
	var senders []*net.UDPConn
	for i := range states {
		conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(states[i].address, portOf(socket))))
		if states[i].err = err; err == nil {
			defer conn.Close()
		}
		senders = append(senders, conn)
		words[rand.Text()] = i
	}
	ctx, cancel := context.WithTimeout(ctx, selfTimeout)
	defer cancel()
	var sending sync.WaitGroup
	defer sending.Wait()
	defer cancel()
	sending.Go(func() {
		for ctx.Err() == nil {
			for word, i := range words {
				if senders[i] != nil {
					_, _ = senders[i].Write([]byte(word)) // it is repeated
				}
			}
			select {
			case <-time.After(selfRepeat):
			case <-ctx.Done():
			}
		}
	})
	defer context.AfterFunc(ctx, func() { _ = socket.SetReadDeadline(time.Unix(1, 0)) })()
	buffer := make([]byte, 1500)
	for left := len(states); left > 0; {
		n, err := socket.Read(buffer)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			continue // an answer to what was sent before, such as a refusal
		}
		if i, ours := words[string(buffer[:n])]; ours && !states[i].reached {
			states[i].reached = true
			left--
		}
	}
}

func portOf(c *net.UDPConn) uint16 { return c.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

// joinSelf joins the server that runs here once for each address, and reports false where there is none that lets us in.
func (s *Server) joinSelf(ctx context.Context, states []selfState) bool {
	base := s.localBase(ctx)
	if base == "" || s.Keys.Count > 0 && s.Token == nil {
		return false
	}
	var joining sync.WaitGroup
	for i := range states {
		joining.Go(func() {
			a := attempt{base: base, room: roomName(), name: "doctor", tls: insecure(), only: states[i].address, connectOnly: true}
			if s.Token != nil {
				if a.token, states[i].err = s.Token(a.room); states[i].err != nil {
					return
				}
			}
			ctx, cancel := context.WithTimeout(ctx, joinTimeout)
			defer cancel()
			result := a.run(ctx)
			states[i].reached = result.connected > 0
			if result.joined == 0 {
				states[i].err = result.err
			}
		})
	}
	joining.Wait()
	return true
}

// localBase is where the server that runs here answers, "" where none does.
func (s *Server) localBase(ctx context.Context) string {
	for _, p := range s.Ports {
		if p.Health && p.Flag == "--listen" && isLive(ctx, p) {
			scheme := "http"
			if s.TLS {
				scheme = "https"
			}
			return scheme + "://" + p.local().String()
		}
	}
	return ""
}

// judgeSelf says which announced addresses lead back here. Only of an own address that is a fault.
func judgeSelf(states []selfState, port uint16) []Finding {
	var all []Finding
	for _, st := range states {
		at := fmt.Sprintf("UDP port %d at %s", port, st.address)
		switch {
		case st.reached:
			all = append(all, found(OK, "udp-self", "%s can be reached from this machine.", at))
		case st.err != nil:
			all = append(all, found(Info, "udp-hairpin", "%s could not be tried from this machine: %v.", at, st.err))
		case st.own:
			all = append(all, found(Fail, "udp-self-blocked", "%s cannot be reached even from this machine, whose address it is.", at).
				do("A firewall on this machine drops it: open port %d for UDP.", port))
		default:
			all = append(all, found(Info, "udp-hairpin", "%s cannot be reached from this machine; many NATs do not lead back inside.", at))
		}
	}
	return all
}
