package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"

	"sfu/pkg/codec"
	"sfu/pkg/udp"
)

// DisconnectedAfter is how long nothing has arrived on a connection when it is called Disconnected.
const DisconnectedAfter = 5 * time.Second

// Timeouts of a connection.
const (
	// establishTimeout bounds ICE and DTLS together.
	establishTimeout = 15 * time.Second
	// failedAfter is how long a connection may be silent beyond DisconnectedAfter.
	failedAfter = 10 * time.Second
	keepAlive   = 2 * time.Second
	// closeTimeout is how long Close waits for pion: longer than a write on ICE-TCP may take, see portmux.Config.
	closeTimeout = 15 * time.Second
	// rttInterval is how often round-trip times are read.
	rttInterval = 3 * time.Second
)

// SocketBuffer is what is asked of the kernel for each UDP socket and direction, in bytes.
const SocketBuffer = 4 << 20

// An Address is one local address of the media sockets and what clients are told in its place.
type Address struct {
	Local netip.Addr
	// Announce are the addresses for the answer; empty announces Local itself.
	Announce []netip.Addr
}

// Config sets up an Engine.
type Config struct {
	// Addresses are those to receive media on, at least one.
	Addresses []Address
	// Port is the UDP port on every address; 0 lets the kernel choose one.
	Port int
	// TCP accepts ICE-TCP connections (RFC 6544), nil for none. The listener is closed with the Engine. Writes on its connections must
	// end by themselves when the client does not read, as those of package portmux do: Conn.Close waits for them.
	TCP net.Listener
	// VideoCodecs are those that may be negotiated; empty means DefaultVideoCodecs.
	VideoCodecs []codec.Type
	// MaxConnecting bounds the connections whose handshake is under way; more wait. 0 means 64.
	MaxConnecting int
	// MaxSSRCs bounds what one connection may send on, 0 means 32. One more may appear every 10 s.
	MaxSSRCs int
	// PlainSRTP leaves the encryption of all media to pion's SRTP and each packet to its ICE, which costs several times as much.
	PlainSRTP bool
	// PlainUDP sends and receives one datagram per system call. NoGSO only does without generic segmentation offload, which some
	// network drivers get wrong; both switch themselves off where the kernel lacks them.
	PlainUDP, NoGSO bool
	// Established is called, if set, with each connection that came about: its path ("udp" or "tcp") and how long it took from
	// the first answer.
	Established func(path string, took time.Duration)
	Log         *slog.Logger
}

// An Engine owns the sockets and the certificate that all connections share.
type Engine struct {
	cfg        Config
	udp        ice.UDPMux
	sockets    []*socket
	tcp        *ice.TCPMuxDefault // nil where there is none
	interfaces transport.Net      // read once: the sockets do not move either
	networks   []ice.NetworkType
	logs       pionLoggerFactory
	connecting chan struct{}
	quit       chan struct{}
	finished   sync.WaitGroup

	// What every answer and handshake says.
	places      []place
	candidates  []string
	fingerprint string
	dtls        []dtls.ServerOption

	counters counters

	mu    sync.Mutex
	conns map[*Conn]struct{}
	wires map[string]*wire // by the user name of this side
}

// NewEngine opens the sockets.
func NewEngine(cfg Config) (*Engine, error) {
	if len(cfg.VideoCodecs) == 0 {
		cfg.VideoCodecs = DefaultVideoCodecs
	}
	if cfg.MaxConnecting <= 0 {
		cfg.MaxConnecting = 64
	}
	if cfg.MaxSSRCs <= 0 {
		cfg.MaxSSRCs = 32
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	interfaces, err := stdnet.NewNet()
	if err != nil {
		return nil, fmt.Errorf("list the network interfaces: %w", err)
	}
	e := &Engine{
		cfg: cfg, interfaces: interfaces, logs: pionLoggerFactory{cfg.Log}, conns: map[*Conn]struct{}{}, wires: map[string]*wire{},
		connecting: make(chan struct{}, cfg.MaxConnecting), quit: make(chan struct{}),
	}
	if err := e.certify(); err != nil {
		return nil, err
	}
	if err := e.listen(); err != nil {
		return nil, err
	}
	e.finished.Go(e.watchRTT)
	return e, nil
}

// listen opens one UDP socket per address, all on one port.
func (e *Engine) listen() error {
	log := pionLogger{log: e.cfg.Log, scope: "ice"}
	var muxes []ice.UDPMux
	port := e.cfg.Port
	for _, a := range e.cfg.Addresses {
		conn, err := udp.Listen(netip.AddrPortFrom(a.Local, uint16(port)), udp.Config{
			ReadBuffer: SocketBuffer, WriteBuffer: SocketBuffer, NoBatch: e.cfg.PlainUDP, NoGSO: e.cfg.NoGSO, Log: e.cfg.Log,
		})
		if err != nil {
			for _, m := range muxes {
				_ = m.Close()
			}
			return fmt.Errorf("open UDP port %d on %s: %w", port, a.Local, err)
		}
		port = int(conn.LocalAddrPort().Port())
		k := newSocket(conn, e.cfg.Log)
		k.index = len(e.sockets)
		e.sockets = append(e.sockets, k)
		muxes = append(muxes, ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: k, Logger: log}))
	}
	if len(muxes) == 0 {
		return errors.New("no address to receive media on")
	}
	e.cfg.Port = port
	e.udp = ice.NewMultiUDPMuxDefault(muxes...)
	e.networks = []ice.NetworkType{ice.NetworkTypeUDP4, ice.NetworkTypeUDP6}
	if e.cfg.TCP != nil {
		// No write buffer: a full connection must push back, not lose.
		e.tcp = ice.NewTCPMuxDefault(ice.TCPMuxParams{
			Listener: knock{e.cfg.TCP, e}, Logger: log, ReadBufferSize: 64,
			FirstStunBindTimeout: establishTimeout, AliveDurationForConnFromStun: establishTimeout,
		})
		e.networks = append(e.networks, ice.NetworkTypeTCP4, ice.NetworkTypeTCP6)
	}
	return e.place()
}

// Port returns the UDP port.
func (e *Engine) Port() int { return e.cfg.Port }

// watchRTT tells the forwarder the round-trip times that ICE measures.
func (e *Engine) watchRTT() {
	ticker := time.NewTicker(rttInterval)
	defer ticker.Stop()
	for {
		select {
		case <-e.quit:
			return
		case <-ticker.C:
		}
		e.mu.Lock()
		conns := make([]*Conn, 0, len(e.conns))
		for c := range e.conns {
			conns = append(conns, c)
		}
		e.mu.Unlock()
		for _, c := range conns {
			c.tellRTT()
		}
	}
}

// Close closes the sockets. Conns must be closed before.
func (e *Engine) Close() error {
	close(e.quit)
	e.finished.Wait()
	err := e.udp.Close()
	if e.tcp != nil {
		err = errors.Join(err, e.tcp.Close())
	}
	return err
}
