//go:build linux && !portable

package udp

import (
	"bytes"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A sink is a kernel that notes what it is given and sends nothing. It refuses what refuse says, nothing where that is nil.
type sink struct {
	t *testing.T
	// refuse is asked for each message, with its number since the start, and how many datagrams it has.
	refuse func(number, datagrams int, port uint16) unix.Errno
	// atMost is how many messages a call takes, 0 for all.
	atMost  int
	number  int
	arrived map[uint16][]string
	many    int // calls of sendmmsg with messages
	one     int // calls of sendmsg
}

func (k *sink) calls() calls {
	c := systemCalls
	c.sendmmsg = func(_ uintptr, messages *message, count int) (int, unix.Errno) {
		if count > 0 {
			k.many++
		}
		if k.atMost > 0 {
			count = min(count, k.atMost)
		}
		for i, m := range unsafe.Slice(messages, count) {
			if errno := k.take(&m.header); errno != 0 {
				if i > 0 {
					return i, 0
				}
				return -1, errno
			}
		}
		return count, 0
	}
	c.sendmsg = func(_ uintptr, m *unix.Msghdr) unix.Errno {
		k.one++
		return k.take(m)
	}
	return c
}

// take reads a message as the kernel would.
func (k *sink) take(h *unix.Msghdr) unix.Errno {
	if h.Namelen != unix.SizeofSockaddrInet4 || h.Iovlen != 1 {
		k.t.Fatalf("a message with %d bytes of address and %d buffers", h.Namelen, h.Iovlen)
	}
	name := (*unix.RawSockaddrInet4)(unsafe.Pointer(h.Name))
	port := swap(name.Port)
	payload := unsafe.Slice(h.Iov.Base, int(h.Iov.Len))
	segment := len(payload)
	if h.Controllen != 0 {
		headers, err := unix.ParseSocketControlMessage(unsafe.Slice(h.Control, int(h.Controllen)))
		if err != nil || len(headers) != 1 || headers[0].Header.Level != unix.IPPROTO_UDP || headers[0].Header.Type != unix.UDP_SEGMENT {
			k.t.Fatalf("control messages %v, %v", headers, err)
		}
		segment = int(*(*uint16)(unsafe.Pointer(&headers[0].Data[0])))
	}
	datagrams := (len(payload) + segment - 1) / segment
	number := k.number
	k.number++
	if k.refuse != nil {
		if errno := k.refuse(number, datagrams, port); errno != 0 {
			return errno
		}
	}
	for d := range slices.Chunk(payload, segment) {
		k.arrived[port] = append(k.arrived[port], string(d))
	}
	return 0
}

// A faulty is a Sender on a sink, with what was logged.
type faulty struct {
	*sink
	socket *Socket
	sender *Sender
	log    bytes.Buffer
	to     map[uint16]*Destination
}

func newFaulty(t *testing.T, cfg Config) *faulty {
	t.Helper()
	f := &faulty{sink: &sink{t: t, arrived: map[uint16][]string{}}, to: map[uint16]*Destination{}}
	cfg.Log = slog.New(slog.NewTextHandler(&f.log, nil))
	s, err := listen(netip.AddrPortFrom(loopback4, 0), cfg, f.calls())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	f.socket, f.sender = s, s.NewSender()
	return f
}

// post commits datagrams to a port.
func (f *faulty) post(port uint16, payloads ...string) {
	to := f.to[port]
	if to == nil {
		to = NewDestination(netip.AddrPortFrom(loopback4, port), f.socket)
		f.to[port] = to
	}
	for _, p := range payloads {
		post(f.sender, []byte(p), to)
	}
}

// expect compares what arrived at a port.
func (f *faulty) expect(port uint16, want ...string) {
	f.t.Helper()
	if got := f.arrived[port]; !slices.Equal(got, want) {
		f.t.Errorf("port %d got %q, not %q", port, got, want)
	}
}

func (f *faulty) warnings() int { return strings.Count(f.log.String(), "level=WARN") }

// A sum is what Stats should say of sending.
type sum struct{ out, full, tooLarge, unreachable, other uint64 }

func (f *faulty) expectSum(want sum) {
	f.t.Helper()
	s := f.socket.Stats()
	if got := (sum{s.DatagramsOut, s.DroppedFull, s.DroppedTooLarge, s.DroppedUnreachable, s.DroppedOther}); got != want {
		f.t.Errorf("counted %+v, not %+v", got, want)
	}
}

// expectKernel checks what the socket thinks of the kernel, and how many calls were made.
func (f *faulty) expectKernel(batching, gso bool, warnings, many, one int) {
	f.t.Helper()
	s := f.socket.Stats()
	if s.Batching != batching || s.GSO != gso || f.warnings() != warnings {
		f.t.Errorf("batching %v, GSO %v; the log says %q", s.Batching, s.GSO, f.log.String())
	}
	if f.many != many || f.one != one || s.CallsOut != uint64(many+one) {
		f.t.Errorf("%d calls of sendmmsg and %d of sendmsg, counted %d, instead of %d and %d", f.many, f.one, s.CallsOut, many, one)
	}
}

// on returns a refuse that says errno of the messages with these numbers.
func on(errno unix.Errno, numbers ...int) func(int, int, uint16) unix.Errno {
	return func(number, _ int, _ uint16) unix.Errno {
		if slices.Contains(numbers, number) {
			return errno
		}
		return 0
	}
}

// runs returns a refuse that says errno of every run.
func runs(errno unix.Errno) func(int, int, uint16) unix.Errno {
	return func(_, datagrams int, _ uint16) unix.Errno {
		if datagrams > 1 {
			return errno
		}
		return 0
	}
}
