//go:build linux && !portable

package udp

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

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

// TestRecvmmsgVanishes is of a call that was there when the socket was opened.
func TestRecvmmsgVanishes(t *testing.T) {
	for _, errno := range []unix.Errno{unix.ENOSYS, unix.EPERM} {
		c := systemCalls
		c.recvmmsg = func(fd uintptr, messages *message, count int) (int, unix.Errno) {
			if count > 0 {
				return -1, errno
			}
			return 0, 0
		}
		barred := false
		c.recvmsg = func(fd uintptr, m *unix.Msghdr) (int, unix.Errno) {
			if barred {
				return -1, errno
			}
			return systemCalls.recvmsg(fd, m)
		}
		s, err := listen(netip.AddrPortFrom(loopback4, 0), Config{}, c)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		if !s.Stats().Batching {
			t.Fatal("there are no batches from the start")
		}
		for _, p := range []string{"a", "b"} {
			if _, err := s.WriteToAddrPort([]byte(p), s.LocalAddrPort()); err != nil {
				t.Fatal(err)
			}
		}
		r := s.NewReader(4)
		for i, l := range receive(t, r, 2) {
			if want := []string{"a", "b"}[i]; string(l.payload) != want {
				t.Errorf("%q instead of %q", l.payload, want)
			}
		}
		if s.Stats().Batching {
			t.Error("there are batches still")
		}
		barred = true
		if n, err := r.Read(buffers(1)); n != 0 || !errors.Is(err, errno) {
			t.Errorf("Read returned %d, %v", n, err)
		}
	}
}
