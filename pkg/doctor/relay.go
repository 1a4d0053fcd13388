package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"sfu/pkg/signaling/protocol"
)

// relayState is what was seen of one TURN URL.
type relayState struct {
	url string
	err error // of what did not work
	// answered, allocated and relayed are how far it went.
	answered, allocated, relayed bool
	// took is how long the allocation took, relay the address that it gave.
	took  time.Duration
	relay string
}

// probeRelays tries every TURN URL of servers. It takes two allocations, and sends from one to the other.
func probeRelays(ctx context.Context, servers []protocol.ICEServer) []relayState {
	var states []relayState
	for _, s := range servers {
		for _, url := range s.URLs {
			uri, err := stun.ParseURI(url)
			switch {
			case err != nil:
				states = append(states, relayState{url: url, err: err})
			case uri.Scheme == stun.SchemeTypeTURN || uri.Scheme == stun.SchemeTypeTURNS:
				states = append(states, probeRelay(ctx, url, uri, s))
			}
		}
	}
	return states
}

const (
	// allocateTimeout is for one allocation, which is two round trips; relayTimeout for a packet that is repeated.
	allocateTimeout = 4 * time.Second
	relayTimeout    = 3 * time.Second
	relayRepeat     = 250 * time.Millisecond
)

func probeRelay(ctx context.Context, url string, uri *stun.URI, s protocol.ICEServer) relayState {
	st := relayState{url: url}
	begun := time.Now()
	from, err := allocate(ctx, uri, s)
	if err != nil {
		st.err, st.answered = err, answered(err)
		return st
	}
	defer from.close()
	st.answered, st.allocated, st.took, st.relay = true, true, time.Since(begun), from.relay.LocalAddr().String()
	to, err := allocate(ctx, uri, s)
	if err != nil {
		st.err = fmt.Errorf("a second allocation: %w", err)
		return st
	}
	defer to.close()
	st.relayed, st.err = passes(ctx, from, to)
	return st
}

// answered reports whether an allocation failed by an answer of the server.
func answered(err error) bool {
	var refusal *stun.TurnError
	return errors.As(err, &refusal)
}

// An allocation is an address at a TURN server (RFC 8656).
type allocation struct {
	conn   net.PacketConn
	client *turn.Client
	relay  net.PacketConn
}

func allocate(ctx context.Context, uri *stun.URI, s protocol.ICEServer) (*allocation, error) {
	ctx, cancel := context.WithTimeout(ctx, allocateTimeout)
	defer cancel()
	conn, err := dialTURN(ctx, uri)
	if err != nil {
		return nil, err
	}
	a := &allocation{conn: conn}
	server := net.JoinHostPort(uri.Host, strconv.Itoa(uri.Port))
	a.client, err = turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: server, STUNServerAddr: server, Conn: conn, Username: s.Username, Password: s.Credential, LoggerFactory: silence(),
	})
	if err == nil {
		err = a.client.Listen()
	}
	if err == nil {
		a.relay, err = a.client.AllocateWithContext(ctx)
	}
	if err != nil {
		a.close()
		return nil, fmt.Errorf("allocate an address: %w", err)
	}
	return a, nil
}

func (a *allocation) close() {
	if a.relay != nil {
		_ = a.relay.Close() // the server forgets it sooner or later
	}
	if a.client != nil {
		a.client.Close()
	}
	_ = a.conn.Close()
}

func dialTURN(ctx context.Context, uri *stun.URI) (net.PacketConn, error) {
	server := net.JoinHostPort(uri.Host, strconv.Itoa(uri.Port))
	switch {
	case uri.Scheme == stun.SchemeTypeTURNS:
		conn, err := (&tls.Dialer{Config: &tls.Config{ServerName: uri.Host, MinVersion: tls.VersionTLS12}}).DialContext(ctx, "tcp", server)
		if err != nil {
			return nil, fmt.Errorf("connect over TLS: %w", err)
		}
		return turn.NewSTUNConn(conn), nil
	case uri.Proto == stun.ProtoTypeTCP:
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", server)
		if err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
		return turn.NewSTUNConn(conn), nil
	default:
		local, err := facing(ctx, server)
		if err != nil {
			return nil, err
		}
		return net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0)))
	}
}

// facing returns the own address from which target, a host and a port, is reached. Nothing is sent but a question for the name.
func facing(ctx context.Context, target string) (netip.Addr, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", target)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("find the way to %s: %w", target, err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}

// passes sends a packet from one allocation to the other, a few times until it arrives.
func passes(ctx context.Context, from, to *allocation) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, relayTimeout)
	defer cancel()
	if err := to.client.CreatePermission(from.relay.LocalAddr()); err != nil {
		return false, fmt.Errorf("permit the relay's own address: %w", err)
	}
	deadline, _ := ctx.Deadline()
	if err := to.relay.SetReadDeadline(deadline); err != nil {
		return false, fmt.Errorf("wait at the relay: %w", err)
	}
	arrived := make(chan error, 1)
	go func() {
		_, _, err := to.relay.ReadFrom(make([]byte, 64))
		arrived <- err
	}()
	repeat := time.NewTicker(relayRepeat)
	defer repeat.Stop()
	for {
		if _, err := from.relay.WriteTo([]byte("sfu doctor"), to.relay.LocalAddr()); err != nil && ctx.Err() == nil {
			to.close()
			<-arrived
			return false, fmt.Errorf("send through the relay: %w", err)
		}
		select {
		case err := <-arrived:
			if err != nil {
				return false, errors.New("nothing came through")
			}
			return true, nil
		case <-repeat.C:
		}
	}
}

func silence() logging.LoggerFactory {
	return &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}
}

// judgeRelays says of each TURN URL how far it works.
func judgeRelays(states []relayState) []Finding {
	if len(states) == 0 {
		return []Finding{found(Info, "turn-none", "No TURN server is named.")}
	}
	var all []Finding
	for _, st := range states {
		switch {
		case st.relayed:
			all = append(all, found(OK, "turn",
				"%s takes our credentials and relays packets at %s; an allocation took %v.", st.url, st.relay, st.took.Round(time.Millisecond)))
		case st.allocated:
			all = append(all, found(Warn, "turn-relay",
				"%s gives out %s but did not relay a packet between two of its addresses: %v.", st.url, st.relay, st.err))
		case st.answered:
			all = append(all, found(Fail, "turn-credentials", "%s refuses our credentials: %v.", st.url, st.err))
		default:
			all = append(all, found(Fail, "turn-unreachable", "%s does not answer: %v.", st.url, st.err))
		}
	}
	return all
}

// stunTries is how often a STUN server is asked, stunWait how long for each.
const (
	stunTries = 3
	stunWait  = time.Second
)

// stunMapped asks a STUN server at host:port how it sees this machine (RFC 8489).
func stunMapped(ctx context.Context, server string) (netip.Addr, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", server)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("ask %s: %w", server, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("ask %s: %w", server, err)
	}
	buffer := make([]byte, 1500)
	for range stunTries {
		if _, err = conn.Write(request.Raw); err != nil {
			continue
		}
		_ = conn.SetReadDeadline(time.Now().Add(stunWait))
		var n int
		if n, err = conn.Read(buffer); err != nil {
			continue
		}
		if mapped, ok := mappedOf(buffer[:n], request.TransactionID); ok {
			return mapped, nil
		}
		err = errors.New("the answer is not one of STUN")
	}
	return netip.Addr{}, fmt.Errorf("ask %s: %w", server, err)
}

func mappedOf(raw []byte, id [stun.TransactionIDSize]byte) (netip.Addr, bool) {
	answer := &stun.Message{Raw: slices.Clone(raw)}
	var mapped stun.XORMappedAddress
	if answer.Decode() != nil || answer.TransactionID != id || mapped.GetFrom(answer) != nil {
		return netip.Addr{}, false
	}
	a, ok := netip.AddrFromSlice(mapped.IP)
	return a.Unmap(), ok
}

// judgeMapped compares what a STUN server sees with what clients are told.
func judgeMapped(server string, mapped netip.Addr, err error, announced []netip.Addr) []Finding {
	switch {
	case err != nil:
		return []Finding{found(Warn, "stun-unreachable", "The STUN server does not answer: %v.", err)}
	case slices.Contains(announced, mapped):
		return []Finding{found(OK, "stun-mapped", "%s sees this machine at %s, which clients are told.", server, mapped)}
	default:
		return []Finding{found(Warn, "stun-differs", "%s sees this machine at %s, which clients are not told.", server, mapped).
			do("Set --public-ip=%s if people outside your network shall take part.", mapped)}
	}
}
