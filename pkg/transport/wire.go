package transport

import (
	"context"
	"crypto"
	_ "crypto/sha256" // the hashes of fingerprints
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"

	"sfu/pkg/forwarder"
)

// A wire is the way to one client: ICE finds it, DTLS agrees on its keys, SRTP protects what goes over it. It belongs to a Conn, whose
// methods it calls from goroutines of its own.
type wire struct {
	engine *Engine
	conn   *Conn
	agent  *ice.Agent
	// life ends with close.
	life   context.Context
	end    context.CancelFunc
	inside sync.WaitGroup // the wire's goroutines
	closes sync.Once

	ice   atomic.Int32 // an ice.ConnectionState
	stage atomic.Int32 // a dtlsStage
	media srtpMedia

	// negotiating is held by who negotiates, whom the next ones belong to, and by close while it ends that.
	negotiating   sync.Mutex
	local, remote credentials
	fingerprint   string    // of the client's certificate, "" before begin
	packets       *ice.Conn // nil before begin

	mu       sync.Mutex
	pipe     *dtlsPipe   // of the session or of the handshake, nil while it rests
	session  *dtls.Conn  // once it is secured, nil while it rests
	resting  *dtls.State // not nil while it rests
	farewell []byte      // the last datagram of this side's handshake
	lull     *time.Timer // leads to rest
}

// credentials are a side's in ICE (RFC 8445 section 5.3).
type credentials struct{ ufrag, pwd string }

// A dtlsStage is how far DTLS is.
type dtlsStage int32

const (
	dtlsNew dtlsStage = iota
	dtlsConnecting
	dtlsConnected
	dtlsFailed
	dtlsClosed
)

// newWire makes the ICE agent. Nothing is sent or received before begin.
func newWire(e *Engine, c *Conn) (*wire, error) {
	w := &wire{engine: e, conn: c}
	w.media.conn = c
	w.life, w.end = context.WithCancel(context.Background())
	options := []ice.AgentOption{
		ice.WithLoggerFactory(e.logs), ice.WithNet(e.interfaces), ice.WithUDPMux(e.udp), ice.WithDisableActiveTCP(), ice.WithIncludeLoopback(),
		ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled), ice.WithNetworkTypes(e.networks),
		ice.WithDisconnectedTimeout(DisconnectedAfter), ice.WithFailedTimeout(failedAfter), ice.WithKeepaliveInterval(keepAlive),
	}
	if e.tcp != nil {
		options = append(options, ice.WithTCPMux(e.tcp))
	}
	var err error
	if w.agent, err = ice.NewAgentWithOptions(options...); err != nil {
		return nil, fmt.Errorf("make an ICE agent: %w", err)
	}
	if err := errors.Join(w.agent.OnConnectionStateChange(w.iceChanged), w.agent.OnSelectedCandidatePairChange(c.chosen)); err != nil {
		return nil, fmt.Errorf("watch ICE: %w", err)
	}
	return w, nil
}

// agrees reports whether an offer's fingerprint is that of the first one: another certificate would be another DTLS session (RFC 8842 section 4).
func (w *wire) agrees(fingerprint string) bool {
	return w.fingerprint == "" || strings.EqualFold(fingerprint, w.fingerprint)
}

// negotiate makes the wire fit an offer: the first one begins it, one with other credentials restarts ICE (RFC 8839 section 4.4.1.1.1), which
// is reported.
func (w *wire) negotiate(remote credentials, fingerprint string) (restarted bool, err error) {
	w.negotiating.Lock()
	defer w.negotiating.Unlock()
	switch {
	case w.life.Err() != nil:
		return false, ErrClosed
	case w.packets == nil:
		return false, w.begin(remote, fingerprint)
	case remote == w.remote:
		return false, nil
	}
	w.engine.unlist(w.local.ufrag)
	if err := w.agent.Restart("", ""); err != nil {
		return true, fmt.Errorf("restart ICE: %w", err)
	}
	if err := w.listen(); err != nil {
		return true, err
	}
	w.remote = remote
	if err := w.agent.SetRemoteCredentials(remote.ufrag, remote.pwd); err != nil {
		return true, badSDP("the ICE credentials cannot be used")
	}
	return true, nil
}

// begin waits for the client from now on.
func (w *wire) begin(remote credentials, fingerprint string) error {
	if err := w.listen(); err != nil {
		return err
	}
	var err error
	if w.packets, err = w.agent.StartAccept(remote.ufrag, remote.pwd); err != nil {
		return fmt.Errorf("start ICE: %w", err)
	}
	w.remote, w.fingerprint = remote, fingerprint
	w.pipe = newDTLSPipe(w)
	w.inside.Go(w.read)
	w.inside.Go(func() { w.secure(fingerprint) })
	return nil
}

// listen gives the agent its credentials and its candidates on UDP. Those on TCP follow when somebody comes there, see dialled.
func (w *wire) listen() error {
	var err error
	if w.local.ufrag, w.local.pwd, err = w.agent.GetLocalUserCredentials(); err != nil {
		return fmt.Errorf("make ICE credentials: %w", err)
	}
	for _, at := range w.engine.places {
		packets, err := w.engine.udp.GetConn(w.local.ufrag, at.udp)
		if err != nil {
			return fmt.Errorf("receive on %s: %w", at.udp, err)
		}
		candidate, err := hostCandidate("udp", at.udp.IP.String(), at.udp.Port)
		if err != nil {
			return err
		}
		if err := w.agent.AddVirtualCandidate(candidate, packets); err != nil {
			return fmt.Errorf("add a candidate: %w", err)
		}
	}
	w.engine.list(w.local.ufrag, w)
	return nil
}

func (w *wire) iceChanged(s ice.ConnectionState) {
	w.ice.Store(int32(s))
	w.conn.iceChanged(s)
}

// secure waits for ICE, does the DTLS handshake (RFC 5764), and gives SRTP its keys.
func (w *wire) secure(fingerprint string) {
	if err := w.agent.AwaitConnect(w.life); err != nil {
		return // the Conn knows: it closed the agent, or its watchdog will
	}
	w.stage.Store(int32(dtlsConnecting))
	session, err := w.shakeHands(fingerprint)
	if err != nil {
		w.engine.cfg.Log.Debug("DTLS handshake", "error", err)
		w.pipe.Close()
		w.stage.CompareAndSwap(int32(dtlsConnecting), int32(dtlsFailed))
		w.conn.dtlsFailed()
		return
	}
	w.mu.Lock()
	pipe := w.pipe
	w.session, w.farewell = session, pipe.lastWritten()
	w.lull = time.AfterFunc(restAfter, w.rest)
	w.mu.Unlock()
	w.secured(pipe)
}

// secured is called when SRTP has its keys. pipe is the handshake's.
func (w *wire) secured(pipe *dtlsPipe) {
	if !w.stage.CompareAndSwap(int32(dtlsConnecting), int32(dtlsConnected)) {
		return
	}
	w.conn.connected()
	if pipe.hungUp() { // too early for hungUp
		w.hungUp()
	}
}

func (w *wire) shakeHands(fingerprint string) (*dtls.Conn, error) {
	verify := dtls.WithVerifyPeerCertificate(func(raw [][]byte, _ [][]*x509.Certificate) error { return checkCertificate(raw, fingerprint) })
	session, err := dtls.ServerWithOptions(w.pipe, w.pipe.RemoteAddr(), append(slices.Clip(w.engine.dtls), verify)...)
	if err != nil {
		return nil, fmt.Errorf("start DTLS: %w", err)
	}
	if err := session.HandshakeContext(w.life); err != nil {
		return nil, errors.Join(err, session.Close())
	}
	if err := w.media.secure(session); err != nil {
		return nil, errors.Join(err, session.Close())
	}
	return session, nil
}

var errCertificate = errors.New("the certificate is not the one of the offer")

// checkCertificate compares the client's certificate with the fingerprint of its offer (RFC 8122 section 5), whose form was checked.
func checkCertificate(raw [][]byte, fingerprint string) error {
	algorithm, digits, _ := strings.Cut(fingerprint, " ")
	h := map[string]crypto.Hash{"sha-256": crypto.SHA256, "sha-384": crypto.SHA384, "sha-512": crypto.SHA512}[strings.ToLower(algorithm)]
	if len(raw) == 0 || h == 0 {
		return errCertificate
	}
	sum := h.New()
	sum.Write(raw[0])
	if want := strings.ReplaceAll(digits, ":", ""); !strings.EqualFold(want, hex.EncodeToString(sum.Sum(nil))) {
		return errCertificate
	}
	return nil
}

// hungUp is called when the client closed DTLS, and when this side did.
func (w *wire) hungUp() {
	if w.stage.CompareAndSwap(int32(dtlsConnected), int32(dtlsClosed)) {
		w.conn.hungUp()
	}
}

// receiveBytes is the largest datagram that is read, in bytes. What a client sends fits an Ethernet frame with room to spare.
const receiveBytes = 1460

// read takes what ICE brings apart by its first byte (RFC 7983).
func (w *wire) read() {
	buf := make([]byte, receiveBytes)
	for {
		n, err := w.packets.Read(buf)
		switch {
		case errors.Is(err, io.ErrShortBuffer):
			w.engine.counters.unreadable.Add(1)
			continue
		case err != nil:
			return
		}
		packet := buf[:n]
		switch kind := kindOf(packet); kind {
		case datagramDTLS:
			w.receiveDTLS(packet)
		case datagramRTP, datagramRTCP:
			w.media.receive(packet, kind == datagramRTCP)
		default:
			w.engine.counters.unreadable.Add(1)
		}
	}
}

// A datagramKind is what a datagram of the bundle is, STUN aside.
type datagramKind uint8

const (
	datagramUnknown datagramKind = iota
	datagramDTLS
	datagramRTP
	datagramRTCP
)

// kindOf tells datagrams apart (RFC 7983, and RFC 5761 section 4 for RTCP).
func kindOf(b []byte) datagramKind {
	switch {
	case len(b) < 2:
		return datagramUnknown
	case b[0] >= 20 && b[0] <= 63:
		return datagramDTLS
	case b[0] < 128 || b[0] > 191:
		return datagramUnknown
	case b[1] >= 192 && b[1] <= 223:
		return datagramRTCP
	}
	return datagramRTP
}

// send writes a datagram to the client.
func (w *wire) send(b []byte) (int, error) {
	if w.packets == nil {
		return 0, ErrClosed
	}
	return w.packets.Write(b)
}

// path is "udp" or "tcp", "" where there is none.
func (w *wire) path() string {
	pair, err := w.agent.GetSelectedCandidatePair()
	switch {
	case err != nil || pair == nil:
		return ""
	case pair.Local.NetworkType().IsTCP():
		return "tcp"
	}
	return "udp"
}

// tellRTT passes on the round-trip time that ICE measured.
func (w *wire) tellRTT(to *forwarder.Peer) {
	if s, ok := w.agent.GetSelectedCandidatePairStats(); ok && s.CurrentRoundTripTime > 0 {
		to.SetRTT(time.Duration(s.CurrentRoundTripTime * float64(time.Second)))
	}
}

// close says goodbye to the client and waits for everything of the wire to end. It may be called twice.
func (w *wire) close() error {
	var err error
	w.closes.Do(func() {
		w.negotiating.Lock()
		w.end()
		w.engine.unlist(w.local.ufrag)
		w.negotiating.Unlock()
		connected := w.stage.Swap(int32(dtlsClosed)) == int32(dtlsConnected)
		w.mu.Lock()
		if connected && w.resting != nil {
			err = w.wake()
		}
		session, pipe := w.session, w.pipe
		if w.lull != nil {
			w.lull.Stop()
		}
		w.mu.Unlock()
		if session != nil {
			err = errors.Join(err, session.Close())
		}
		err = errors.Join(err, w.agent.GracefulClose())
		if pipe != nil {
			err = errors.Join(err, pipe.Close())
		}
	})
	w.inside.Wait()
	return err
}
