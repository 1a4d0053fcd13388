package transport

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"sfu/pkg/forwarder"
	"sfu/pkg/srtp"
)

// inbound takes what a client sends, decrypts what it has an opener for, passes each packet on within the call, and counts: a client that uses too
// many SSRCs is out.
type inbound struct {
	conn   *Conn
	opener atomic.Pointer[opener]
	limit  pacing
	// streams, of RTP, and reports, of who sends RTCP, belong to who decrypts.
	streams ssrcBudget
	reports ssrcBudget
}

// An opener decrypts what one client sends. The socket and the wire are read by different goroutines.
type opener struct {
	mu   sync.Mutex
	srtp *srtp.Opener
	// made is how many SSRCs it has met.
	made uint64
	// heard is when the last authentic packet came, in ns, 0 before the first.
	heard int64
}

// receive reads a batch, hands its media to the forwarder and notes the rest.
func (k *socket) receive() error {
	n, err := k.reader.Read(k.spaces[:])
	if err != nil {
		return err
	}
	k.next, k.count = 0, 0
	now := sinceStart()
	k.mu.RLock()
	var conn *Conn
	var last netip.AddrPort
	for i := range n {
		size, from, truncated := k.reader.Datagram(i)
		packet := k.spaces[i][:size]
		if kind := kindOf(packet); kind == datagramRTP || kind == datagramRTCP {
			if from != last { // packets come in runs
				conn, last = k.conns[from], from
			}
			if conn != nil && conn.inbound.take(&k.inlet, k.slots[i], size, truncated, now) {
				k.fill(i)
				continue
			}
		}
		k.others[k.count] = uint8(i)
		k.count++
	}
	k.mu.RUnlock()
	k.inlet.Flush()
	return nil
}

// secure has packets be decrypted with o from now on.
func (in *inbound) secure(o *srtp.Opener) { in.opener.Store(&opener{srtp: o}) }

// take takes the datagram of size bytes in b, which is then the forwarder's, and reports whether it did: without an opener packets are the
// wire's. now is in ns.
func (in *inbound) take(inlet *forwarder.Inlet, b *forwarder.Buffer, size int, truncated bool, now int64) bool {
	o := in.opener.Load()
	if o == nil {
		return false
	}
	if truncated {
		in.unreadable()
		b.Release()
		return true
	}
	packet, control, ok := in.open(o, b.Space()[:size], now)
	if !ok {
		b.Release()
		return true
	}
	b.SetLen(len(packet))
	inlet.Add(in.conn.peer, b, control)
	return true
}

// takeCopy is take for a datagram in memory of the caller's.
func (in *inbound) takeCopy(packet []byte) bool {
	o := in.opener.Load()
	if o == nil {
		return false
	}
	if packet, control, ok := in.open(o, packet, sinceStart()); ok {
		in.conn.peer.Receive(packet, control)
	}
	return true
}

// open decrypts a packet in place.
func (in *inbound) open(o *opener, packet []byte, now int64) (plain []byte, control, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	control = kindOf(packet) == datagramRTCP
	packets := 1
	var err error
	if control {
		plain, err = o.srtp.OpenRTCP(packet)
		packets = packetsIn(plain)
	} else {
		plain, err = o.srtp.OpenRTP(packet)
	}
	if err == nil {
		o.heard = now
	}
	switch {
	case err != nil:
		in.unreadable()
	case o.srtp.Made() != o.made && !in.streams.take(now, in.conn.engine.cfg.MaxSSRCs):
		in.conn.abort(ErrTooManyStreams)
	case in.limit.allow(now, packets):
		ok = true
		in.conn.engine.counters.directIn.Add(1)
	}
	o.made = o.srtp.Made()
	return plain, control, ok
}

// heard returns when the last packet came that was decrypted here, in ns, and whether there was one.
func (in *inbound) heard() (at int64, ok bool) {
	o := in.opener.Load()
	if o == nil {
		return 0, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.heard, o.heard != 0
}

func (in *inbound) unreadable() { in.conn.engine.counters.unreadable.Add(1) }

// plain takes a packet that the wire has decrypted; ssrc is whose it is.
func (in *inbound) plain(ssrc uint32, packet []byte, control bool) {
	now := sinceStart()
	budget, limit, packets := &in.streams, in.conn.engine.cfg.MaxSSRCs, 1
	if control {
		budget, limit, packets = &in.reports, maxRTCPStreams, packetsIn(packet)
	}
	if !budget.knows(ssrc, now, limit) {
		in.conn.abort(ErrTooManyStreams)
		return
	}
	if in.limit.allow(now, packets) {
		in.conn.engine.counters.plainIn.Add(1)
		in.conn.peer.Receive(packet, control)
	}
}
