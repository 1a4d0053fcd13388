package transport

import (
	"fmt"
	"time"

	"github.com/pion/dtls/v3"
)

// restAfter is how long a DTLS session is kept after its handshake. It has nothing to do any more until somebody says goodbye, and holds three
// goroutines, a buffer of 8 KiB and everything that was said; at rest it is half a kilobyte.
const restAfter = 2 * time.Second

// The content types of DTLS records that matter (RFC 6347 section 4.1).
const (
	recordChangeCipherSpec = 20
	recordHandshake        = 22
)

// receiveDTLS takes a datagram for DTLS. One of the handshake that comes when that was over long ago is the client's last flight again: it has
// not got this side's, which is sent once more as it was (RFC 6347 section 4.2.4). Anything else wakes the session.
func (w *wire) receiveDTLS(datagram []byte) {
	if again := w.dispatchDTLS(datagram); again != nil {
		_, _ = w.send(again) // it may be lost like the one before
	}
}

// dispatchDTLS returns what is to be sent once more, nil where the datagram was for the session.
func (w *wire) dispatchDTLS(datagram []byte) (again []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.resting != nil {
		if datagram[0] == recordHandshake || datagram[0] == recordChangeCipherSpec {
			return w.farewell
		}
		if err := w.wake(); err != nil {
			w.engine.cfg.Log.Debug("wake DTLS", "error", err)
			return nil
		}
	}
	if !w.pipe.put(datagram) {
		w.engine.counters.unreadable.Add(1)
	}
	return nil
}

// rest replaces the session by its state. Nothing leaves the old one after its state was read: no number is used twice. One that is being written
// to is left as it is.
func (w *wire) rest() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.session == nil || dtlsStage(w.stage.Load()) != dtlsConnected || !w.pipe.mute() {
		return
	}
	state, ok := w.session.ConnectionState()
	if !ok {
		return
	}
	state.PeerCertificates = nil // it was checked
	if err := w.session.Close(); err != nil {
		w.engine.cfg.Log.Debug("rest DTLS", "error", err)
	}
	w.resting, w.session, w.pipe, w.lull = &state, nil, nil, nil
}

// wake makes a session of the state again, once. mu is held.
func (w *wire) wake() error {
	state := w.resting
	w.resting = nil
	w.pipe = newDTLSPipe(w)
	session, err := dtls.ResumeWithOptions(state, w.pipe, w.pipe.RemoteAddr(), dtls.WithLoggerFactory(w.engine.logs))
	if err != nil {
		return fmt.Errorf("wake DTLS: %w", err)
	}
	w.session = session
	if err := session.Handshake(); err != nil { // it is over: this starts its goroutines
		return fmt.Errorf("wake DTLS: %w", err)
	}
	return nil
}
