package udp

// Sizes of a Sender.
const (
	slabBytes = 256 << 10
	// maxRuns is what one sendmmsg takes (UIO_MAXIOV).
	maxRuns = 1024
)

// A Sender collects datagrams and sends them together. It belongs to one goroutine; a Socket may have several.
type Sender struct {
	socket *Socket
	slab   []byte
	used   int // bytes
	runs   []run
	// reserved is set between Reserve and Commit.
	reserved    bool
	tally       tally
	transmitter transmitter
}

// NewSender returns a Sender, which holds about 400 KiB.
func (s *Socket) NewSender() *Sender {
	t := &Sender{socket: s, slab: make([]byte, slabBytes), runs: make([]run, 0, maxRuns)}
	t.transmitter.init(t)
	return t
}

// Reserve returns room for one datagram, MaxDatagram bytes whose content is undefined. It is the caller's until Commit; a second Reserve
// returns the same. Where there is no more room, what was collected is sent first.
func (t *Sender) Reserve() []byte {
	if len(t.slab)-t.used < MaxDatagram || len(t.runs) == maxRuns {
		t.Flush()
	}
	t.reserved = true
	return t.slab[t.used : t.used+MaxDatagram : t.used+MaxDatagram]
}

// Commit adds the first n bytes of what Reserve returned to what is to be sent; n is 0 to MaxDatagram, and 0 gives the room back. It panics
// without a Reserve since the last Commit or Flush, or when n is out of range.
func (t *Sender) Commit(n int, to *Destination) {
	if !t.reserved || n < 0 || n > MaxDatagram {
		panic("udp: Commit of what was not reserved")
	}
	t.reserved = false
	if n == 0 {
		return
	}
	if !to.valid {
		t.tally.unreachable++
		return
	}
	offset := t.used
	t.used += n
	if last := len(t.runs) - 1; last >= 0 && t.runs[last].to == to && t.runs[last].takes(n) && t.socket.gso.Load() {
		t.runs[last].size += n
		t.runs[last].count++
		return
	}
	t.runs = append(t.runs, run{to: to, offset: offset, size: n, segment: n, count: 1})
}

// Flush sends what was committed. When it returns, all of it was handed to the kernel or dropped, as Stats tell.
func (t *Sender) Flush() {
	t.reserved = false
	if len(t.runs) > 0 {
		t.transmit()
	}
	t.runs = t.runs[:0]
	t.used = 0
	t.socket.counters.add(&t.tally)
}
