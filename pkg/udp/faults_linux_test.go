//go:build linux && !portable

package udp

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
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

func TestOneCallForAll(t *testing.T) {
	f := newFaulty(t, Config{})
	for port := uint16(1); port <= 50; port++ {
		f.post(port, "one", "two", "six", "4")
	}
	f.sender.Flush()
	f.sender.Flush() // nothing
	for port := uint16(1); port <= 50; port++ {
		f.expect(port, "one", "two", "six", "4")
	}
	f.expectSum(sum{out: 200})
	f.expectKernel(true, true, 0, 1, 0)
	if s := f.socket.Stats(); s.Runs != 50 || s.Segments != 200 {
		t.Errorf("%+v", s)
	}
}

func TestPartialSend(t *testing.T) {
	f := newFaulty(t, Config{})
	f.atMost = 2
	for port := uint16(1); port <= 5; port++ {
		f.post(port, "a", "b")
	}
	f.sender.Flush()
	for port := uint16(1); port <= 5; port++ {
		f.expect(port, "a", "b")
	}
	f.expectSum(sum{out: 10})
	f.expectKernel(true, true, 0, 3, 0)
}

// TestOneMessageFails has the third of five messages fail once, which nobody sees behind the two that were sent, or as often as it is tried.
func TestOneMessageFails(t *testing.T) {
	for _, c := range []struct {
		errno  unix.Errno
		always bool
		want   sum
		calls  int
	}{
		{unix.EAGAIN, false, sum{out: 5}, 2},
		{unix.EAGAIN, true, sum{out: 2, full: 3}, 3},
		{unix.EINTR, false, sum{out: 5}, 2},
		{unix.ECONNREFUSED, false, sum{out: 5}, 2},
		{unix.ECONNREFUSED, true, sum{out: 4, unreachable: 1}, 4},
		{unix.ENOBUFS, true, sum{out: 4, full: 1}, 3},
		{unix.ENOMEM, true, sum{out: 4, full: 1}, 3},
		{unix.EMSGSIZE, true, sum{out: 4, tooLarge: 1}, 3},
		{unix.EHOSTUNREACH, true, sum{out: 4, unreachable: 1}, 3},
		{unix.ENETUNREACH, true, sum{out: 4, unreachable: 1}, 3},
		{unix.ENETDOWN, true, sum{out: 4, unreachable: 1}, 3},
		{unix.EPERM, true, sum{out: 4, unreachable: 1}, 3},
		{unix.EACCES, true, sum{out: 4, unreachable: 1}, 3},
		{unix.EINVAL, true, sum{out: 4, other: 1}, 3},
		{unix.EIO, true, sum{out: 4, other: 1}, 3},
		{unix.EAFNOSUPPORT, true, sum{out: 4, other: 1}, 3},
		{unix.EBADF, true, sum{out: 4, other: 1}, 3},
	} {
		for _, alone := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, always %v, one per call %v", unix.ErrnoName(c.errno), c.always, alone), func(t *testing.T) {
				f := newFaulty(t, Config{NoBatch: alone})
				failed := false
				f.refuse = func(_, _ int, port uint16) unix.Errno {
					if port == 3 && (c.always || !failed) {
						failed = true
						return c.errno
					}
					return 0
				}
				for port := uint16(1); port <= 5; port++ {
					f.post(port, "x")
				}
				f.sender.Flush()
				f.expectSum(c.want)
				for port := uint16(1); port <= 5; port++ {
					lost := port == 3 && c.want.out < 5 || port > 3 && c.want.out < 3
					if got := len(f.arrived[port]); got == 1 == lost {
						t.Errorf("port %d got %d datagrams", port, got)
					}
				}
				if !alone {
					f.expectKernel(true, true, 0, c.calls, 0)
				}
			})
		}
	}
}

// TestFullBufferIsTriedTwicePerFlush has a buffer that is full again and again.
func TestFullBufferIsTriedTwicePerFlush(t *testing.T) {
	f := newFaulty(t, Config{})
	f.refuse = on(unix.EAGAIN, 1, 2, 4, 5, 8, 9)
	for port := uint16(1); port <= 4; port++ {
		f.post(port, "x")
	}
	f.sender.Flush() // 0 is sent, 1 and 2 are refused, 3 is sent, 4 and 5 are refused
	f.expectSum(sum{out: 2, full: 2})
	for port := uint16(5); port <= 7; port++ {
		f.post(port, "y")
	}
	f.sender.Flush() // 8 and 9 are refused
	f.expect(7, "y")
	f.expectSum(sum{out: 5, full: 2})
}

// TestRunRefusedByTheKernel is of errors that say that the kernel or the network card cannot.
func TestRunRefusedByTheKernel(t *testing.T) {
	for _, errno := range []unix.Errno{unix.EIO, unix.EOPNOTSUPP, unix.ENOPROTOOPT} {
		t.Run(unix.ErrnoName(errno), func(t *testing.T) {
			f := newFaulty(t, Config{})
			f.refuse = runs(errno)
			f.post(1, "aa", "bb", "c")
			f.post(2, "x")
			f.post(3, "dd", "ee")
			f.sender.Flush()
			f.expectKernel(true, false, 1, 3, 5) // refused; 2, then refused; nothing left
			f.post(1, "ff", "gg")
			f.sender.Flush()
			f.expect(1, "aa", "bb", "c", "ff", "gg")
			f.expect(2, "x")
			f.expect(3, "dd", "ee")
			f.expectSum(sum{out: 8})
			f.expectKernel(true, false, 1, 4, 5)
		})
	}
}

// TestRunRefusedByThePath is of segments that are larger than the path takes: other destinations keep their runs.
func TestRunRefusedByThePath(t *testing.T) {
	large, small := strings.Repeat("l", pathSegment+1), strings.Repeat("s", pathSegment)
	for _, errno := range []unix.Errno{unix.EMSGSIZE, unix.EINVAL} {
		t.Run(unix.ErrnoName(errno), func(t *testing.T) {
			f := newFaulty(t, Config{})
			f.refuse = func(_, datagrams int, port uint16) unix.Errno {
				if port == 1 && datagrams > 1 {
					return errno
				}
				return 0
			}
			f.post(1, large, large)
			f.post(2, large, large)
			f.post(1, large, large) // known when its turn comes
			f.post(2, large, large)
			f.sender.Flush()
			f.expectKernel(true, true, 0, 4, 4)
			f.post(1, large, large, small, small) // large ones are no run, the small ones one more attempt
			f.post(2, large, large)
			f.sender.Flush()
			f.expectKernel(true, true, 0, 7, 6)
			f.post(1, small, small)
			f.sender.Flush()
			f.expectKernel(true, true, 0, 8, 6)
			f.expect(1, large, large, large, large, large, large, small, small, small, small)
			f.expect(2, large, large, large, large, large, large)
		})
	}
}

// TestEveryRunRefusedWithoutReason ends in no more runs.
func TestEveryRunRefusedWithoutReason(t *testing.T) {
	f := newFaulty(t, Config{})
	f.refuse = runs(unix.EINVAL)
	for port := uint16(1); port <= 2; port++ {
		f.post(port, "a", "b")
		f.sender.Flush()
	}
	if !f.socket.Stats().GSO {
		t.Error("two destinations switched GSO off")
	}
	f.post(3, "a", "b")
	f.sender.Flush()
	f.post(4, "a", "b")
	f.sender.Flush()
	f.expectSum(sum{out: 8})
	f.expectKernel(true, false, 1, 4, 6)
}

// TestRunsThatPassAcquitTheKernel refuses runs to three destinations, with a run to another between.
func TestRunsThatPassAcquitTheKernel(t *testing.T) {
	f := newFaulty(t, Config{})
	f.refuse = func(_, datagrams int, port uint16) unix.Errno {
		if datagrams > 1 && port < 10 {
			return unix.EINVAL
		}
		return 0
	}
	for port := uint16(1); port <= 6; port++ {
		f.post(port, "a", "b")
		f.sender.Flush()
		f.post(10, "a", "b")
		f.sender.Flush()
	}
	if !f.socket.Stats().GSO || f.warnings() != 0 {
		t.Errorf("GSO is off: %s", f.log.String())
	}
}

// TestRunWhoseDatagramsFailAsWell is not the fault of the run.
func TestRunWhoseDatagramsFailAsWell(t *testing.T) {
	for errno, want := range map[unix.Errno]sum{
		unix.EINVAL: {out: 2, other: 6}, unix.EIO: {out: 2, other: 6}, unix.EMSGSIZE: {out: 2, tooLarge: 6}, unix.ENOBUFS: {out: 2, full: 6},
		unix.ENETUNREACH: {out: 2, unreachable: 6},
	} {
		t.Run(unix.ErrnoName(errno), func(t *testing.T) {
			f := newFaulty(t, Config{})
			f.refuse = func(_, _ int, port uint16) unix.Errno {
				if port < 4 {
					return errno
				}
				return 0
			}
			for port := uint16(1); port <= 4; port++ {
				f.post(port, "a", "b")
			}
			f.sender.Flush()
			f.expect(4, "a", "b")
			f.expectSum(want)
			if !f.socket.Stats().GSO || f.to[1].longest.Load() != MaxDatagram {
				t.Error("the run was blamed")
			}
		})
	}
}

// TestFullBufferWithinARun drops the rest of the run and of the Flush.
func TestFullBufferWithinARun(t *testing.T) {
	f := newFaulty(t, Config{})
	f.post(1, "aa", "bb", "cc", "d")
	f.post(2, "x", "y")
	f.refuse = func(number, datagrams int, _ uint16) unix.Errno {
		switch {
		case datagrams > 1:
			return unix.EIO
		case number == 2 || number >= 4: // "bb" the first time, all from "cc" on
			return unix.EAGAIN
		}
		return 0
	}
	f.sender.Flush()
	f.expect(1, "aa", "bb")
	f.expect(2)
	f.expectSum(sum{out: 2, full: 4})
}

// TestErrorsWithinARun skips what cannot be sent by itself either.
func TestErrorsWithinARun(t *testing.T) {
	f := newFaulty(t, Config{})
	f.post(1, "aa", "bb", "cc", "dd", "e")
	f.refuse = func(number, _ int, _ uint16) unix.Errno {
		return map[int]unix.Errno{0: unix.EIO, 2: unix.ENOBUFS, 3: unix.ECONNREFUSED, 5: unix.EPERM}[number]
	}
	f.sender.Flush()
	f.expect(1, "aa", "cc", "e")
	f.expectSum(sum{out: 3, full: 1, unreachable: 1})
}

// TestCallsThatAreBarred is of kernels and sandboxes without sendmmsg or recvmmsg, as seen when the socket is opened or later.
func TestCallsThatAreBarred(t *testing.T) {
	for _, errno := range []unix.Errno{unix.ENOSYS, unix.EPERM} {
		for _, barred := range []string{"sendmmsg", "recvmmsg", "both"} {
			t.Run(barred+" "+unix.ErrnoName(errno), func(t *testing.T) {
				var log bytes.Buffer
				c := systemCalls
				bar := func(uintptr, *message, int) (int, unix.Errno) { return -1, errno }
				if barred != "recvmmsg" {
					c.sendmmsg = bar
				}
				if barred != "sendmmsg" {
					c.recvmmsg = bar
				}
				s, err := listen(netip.AddrPortFrom(loopback4, 0), Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, c)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = s.Close() }()
				sender, to := s.NewSender(), NewDestination(s.LocalAddrPort(), s)
				for _, p := range []string{"aa", "bb", "c", "dd"} {
					post(sender, []byte(p), to)
				}
				sender.Flush()
				for i, l := range receive(t, s.NewReader(4), 4) {
					if want := []string{"aa", "bb", "c", "dd"}[i]; string(l.payload) != want {
						t.Errorf("%q instead of %q", l.payload, want)
					}
				}
				stats := s.Stats()
				if stats.Batching || !stats.GSO || stats.CallsOut != 2 || stats.CallsIn != 4 || strings.Count(log.String(), "level=WARN") != 1 {
					t.Errorf("%+v, %s", stats, log.String())
				}
			})
		}
	}
}

func TestSendmmsgVanishes(t *testing.T) {
	f := newFaulty(t, Config{})
	f.refuse = on(unix.ENOSYS, 1, 2)
	for port := uint16(1); port <= 3; port++ {
		f.post(port, "x", "y")
	}
	f.sender.Flush()
	for port := uint16(1); port <= 3; port++ {
		f.expect(port, "x", "y")
	}
	f.expectKernel(false, true, 1, 2, 2)
	f.refuse = on(unix.ENOSYS, f.number)
	f.post(1, "z")
	f.sender.Flush()
	f.expectSum(sum{out: 6, other: 1})
}

func TestKernelWithoutGSO(t *testing.T) {
	var log bytes.Buffer
	c := systemCalls
	c.setSegment = func(uintptr, int) error { return unix.ENOPROTOOPT }
	s, err := listen(netip.AddrPortFrom(loopback4, 0), Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	sender, to := s.NewSender(), NewDestination(s.LocalAddrPort(), s)
	post(sender, []byte("a"), to)
	post(sender, []byte("b"), to)
	sender.Flush()
	receive(t, s.NewReader(4), 2)
	if stats := s.Stats(); stats.GSO || stats.Runs != 0 || stats.CallsOut != 1 || strings.Count(log.String(), "level=WARN") != 1 {
		t.Errorf("%+v, %s", stats, log.String())
	}
}

// TestRandomFaults checks what must hold whatever the kernel says: nothing is lost without being counted, repeated or out of order.
func TestRandomFaults(t *testing.T) {
	errors := []unix.Errno{
		unix.EAGAIN, unix.EINTR, unix.ENOBUFS, unix.EMSGSIZE, unix.EIO, unix.EINVAL, unix.EOPNOTSUPP, unix.EPERM, unix.ECONNREFUSED, unix.ENETUNREACH,
		unix.ENOSYS, unix.EBADF,
	}
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		f := newFaulty(t, Config{NoBatch: seed%5 == 0})
		f.atMost = rnd.IntN(4)
		frequency := 2 + rnd.IntN(20)
		f.refuse = func(int, int, uint16) unix.Errno {
			if rnd.IntN(frequency) == 0 {
				return errors[rnd.IntN(len(errors))]
			}
			return 0
		}
		sent := map[uint16][]string{}
		total := uint64(0)
		for range 20 {
			for range rnd.IntN(30) {
				port := uint16(1 + rnd.IntN(4))
				for range 1 + rnd.IntN(5) {
					total++
					payload := fmt.Sprintf("%06d%s", total, strings.Repeat("x", 10*rnd.IntN(2)))
					f.post(port, payload)
					sent[port] = append(sent[port], payload)
				}
			}
			f.sender.Flush()
		}
		s := f.socket.Stats()
		arrived := 0
		for port, all := range f.arrived {
			arrived += len(all)
			left := sent[port]
			for _, payload := range all {
				i := slices.Index(left, payload)
				if i < 0 {
					t.Fatalf("seed %d: port %d got %q twice, late, or never sent", seed, port, payload)
				}
				left = left[i+1:]
			}
		}
		dropped := s.DroppedFull + s.DroppedTooLarge + s.DroppedUnreachable + s.DroppedOther
		if s.DatagramsOut != uint64(arrived) || s.DatagramsOut+dropped != total || s.CallsOut != uint64(f.many+f.one) {
			t.Fatalf("seed %d: of %d datagrams %d arrived: %+v", seed, total, arrived, s)
		}
	}
}

func TestReadPassesOverErrors(t *testing.T) {
	for _, alone := range []bool{false, true} {
		c := systemCalls
		script := []unix.Errno{unix.ECONNREFUSED, unix.EINTR, unix.EHOSTUNREACH, unix.ENETUNREACH}
		fault := func() (errno unix.Errno) {
			if len(script) > 0 {
				errno, script = script[0], script[1:]
			}
			return errno
		}
		listening := false
		c.recvmmsg = func(fd uintptr, messages *message, count int) (int, unix.Errno) {
			if errno := fault(); listening && errno != 0 {
				return -1, errno
			}
			return systemCalls.recvmmsg(fd, messages, count)
		}
		c.recvmsg = func(fd uintptr, m *unix.Msghdr) (int, unix.Errno) {
			if errno := fault(); errno != 0 {
				return -1, errno
			}
			return systemCalls.recvmsg(fd, m)
		}
		s, err := listen(netip.AddrPortFrom(loopback4, 0), Config{NoBatch: alone}, c)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		listening = true
		script = []unix.Errno{unix.ECONNREFUSED, unix.EINTR, unix.EHOSTUNREACH, unix.ENETUNREACH}
		if _, err := s.WriteToAddrPort([]byte("here"), s.LocalAddrPort()); err != nil {
			t.Fatal(err)
		}
		r := s.NewReader(1)
		if got := receive(t, r, 1); string(got[0].payload) != "here" {
			t.Errorf("read %q", got[0].payload)
		}
		if stats := s.Stats(); stats.ReadErrors != 3 || stats.DatagramsIn != 1 || stats.Batching == alone {
			t.Errorf("%+v", stats)
		}
		script = []unix.Errno{unix.ENOMEM}
		if n, err := r.Read(buffers(1)); n != 0 || !errors.Is(err, unix.ENOMEM) || errors.Is(err, net.ErrClosed) {
			t.Errorf("Read returned %d, %v", n, err)
		}
		script = slices.Repeat([]unix.Errno{unix.ECONNREFUSED}, 2*maxReadErrors)
		if n, err := r.Read(buffers(1)); n != 0 || !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("Read returned %d, %v", n, err)
		}
	}
}

// TestCloseWaitsForCalls keeps a Flush within its system call while the socket is closed: its descriptor must not become another's.
func TestCloseWaitsForCalls(t *testing.T) {
	c := systemCalls
	within, leave := make(chan struct{}), make(chan struct{})
	order := make(chan string, 2)
	c.sendmmsg = func(_ uintptr, _ *message, count int) (int, unix.Errno) {
		if count == 0 {
			return 0, 0
		}
		close(within)
		<-leave
		order <- "sent"
		return count, 0
	}
	s, err := listen(netip.AddrPortFrom(loopback4, 0), Config{}, c)
	if err != nil {
		t.Fatal(err)
	}
	sender, to := s.NewSender(), NewDestination(s.LocalAddrPort(), s)
	post(sender, []byte("x"), to)
	done := make(chan struct{})
	go func() {
		defer close(done)
		sender.Flush()
	}()
	<-within
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		order <- "closed"
	}()
	// Read sees that Close is under way, and ends though Close has not.
	if _, err := s.NewReader(1).Read(buffers(1)); err != net.ErrClosed {
		t.Errorf("Read ended with %v", err)
	}
	close(leave)
	<-done
	<-closed
	if first := <-order; first != "sent" {
		t.Error("Close did not wait")
	}
	post(sender, []byte("x"), to)
	sender.Flush() // would close a channel twice
	if stats := s.Stats(); stats.DatagramsOut != 1 || stats.DroppedOther != 1 {
		t.Errorf("%+v", stats)
	}
}
